"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand

COMMANDS: tuple[AppCommand, ...] = (
    AppCommand(
        name="evaluate",
        help="A report model on phantoms, on studies with labels, on nodules put into scans.",
        run="apps.report_gen.commands.evaluate:main",
    ),
)
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
