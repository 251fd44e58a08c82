"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = ()
BENCHMARKS: tuple[AppCommand, ...] = (
    AppCommand(
        name="fraud-score",
        help="Payments a second through the whole path, beside counters in Valkey and XGBoost.",
        run="apps.fraud.benchmarks.score:main",
    ),
    AppCommand(
        name="fraud-log",
        help="Transactions kept as SQLite rows beside columnar segments: pace and bytes.",
        run="apps.fraud.benchmarks.log_forms:main",
    ),
    AppCommand(
        name="fraud-features",
        help="Features against the Handbook's recipe value by value, and alone.",
        run="apps.fraud.benchmarks.features:main",
    ),
    AppCommand(
        name="reasons",
        help="Reasons for alerts: exact contributions against XGBoost's own.",
        run="apps.fraud.benchmarks.reasons:main",
    ),
)
