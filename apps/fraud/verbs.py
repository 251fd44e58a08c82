"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = (
    AppCommand(
        name="train",
        help="Train the ladder on transactions in time order; its best model is a candidate.",
        run="apps.fraud.commands.train:main",
    ),
    AppCommand(
        name="evaluate",
        help="The ladder's figures with intervals: on transactions in time, or a plain graph.",
        run="apps.fraud.commands.evaluate:main",
    ),
)
BENCHMARKS: tuple[AppCommand, ...] = (
    AppCommand(
        name="fraud-score",
        help="Payments a second through the whole path, beside counters in Valkey and XGBoost.",
        run="apps.fraud.benchmarks.score:main",
    ),
    AppCommand(
        name="fraud-features",
        help="Features against the Handbook's recipe value by value, and alone.",
        run="apps.fraud.benchmarks.features:main",
    ),
    AppCommand(
        name="fraud-reading",
        help="Rows a second from files in every format to columns, beside polars alone.",
        run="apps.fraud.benchmarks.reading:main",
    ),
    AppCommand(
        name="fraud-log",
        help="Transactions kept as database rows beside columnar segments: speed and bytes.",
        run="apps.fraud.benchmarks.log_forms:main",
    ),
    AppCommand(
        name="rings",
        help="How well rings are found, by shape and size, and how fast, beside plain components.",
        run="apps.fraud.benchmarks.rings:main",
    ),
    AppCommand(
        name="fraud-graph",
        help="GraphSAGE on drawn attributed graphs beside plain PyG: AUC of both for every seed.",
        run="apps.fraud.benchmarks.attributed:main",
    ),
    AppCommand(
        name="fraud-cold-start",
        help="What helps with payers of fewer than five payments, on several simulated banks.",
        run="apps.fraud.benchmarks.cold_start:main",
    ),
    AppCommand(
        name="reasons",
        help="Reasons for alerts: exact contributions against XGBoost's own.",
        run="apps.fraud.benchmarks.reasons:main",
    ),
)
