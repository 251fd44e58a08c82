"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = ()
BENCHMARKS: tuple[AppCommand, ...] = (
    AppCommand(
        name="fraud-features",
        help="Features against the Handbook's recipe, values compared first; and as a stream.",
        run="apps.fraud.benchmarks.features:main",
    ),
    AppCommand(
        name="reasons",
        help="Reasons for 1,000 alerts against XGBoost's contributions, which are compared first.",
        run="apps.fraud.benchmarks.reasons:main",
    ),
)
