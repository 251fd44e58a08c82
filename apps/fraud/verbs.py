"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = ()
BENCHMARKS: tuple[AppCommand, ...] = (
    AppCommand(
        name="fraud-features",
        help="Features against the Handbook's recipe, values compared first; and as a stream.",
        run="apps.fraud.benchmarks.features:main",
    ),
)
