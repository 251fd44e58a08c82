"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = ()
BENCHMARKS: tuple[AppCommand, ...] = (
    AppCommand(
        name="report",
        help="Seconds from a study's files to its draft, by stages, beside a plain script.",
        run="apps.report_gen.benchmarks.report:main",
    ),
    AppCommand(
        name="report-reading",
        help="Seconds from files to a judged volume, beside pydicom with scipy and pylibjpeg.",
        run="apps.report_gen.benchmarks.reading:main",
    ),
)
