"""What people run at a terminal, and what runs by the clock, by the code they name."""

from loupe.contract.extras import AppCommand, AppSchedule
from loupe.contract.text import Text

COMMANDS: tuple[AppCommand, ...] = (
    AppCommand(
        name="train",
        help="A report model from studies with labels or reports; goes on from the shipped one.",
        run="apps.report_gen.commands.train:main",
    ),
    AppCommand(
        name="evaluate",
        help="A report model on phantoms, on studies with labels, on nodules put into scans.",
        run="apps.report_gen.commands.evaluate:main",
    ),
    AppCommand(
        name="clinical",
        help="The clinical store: check its files, take a new key, erase, send again.",
        run="apps.report_gen.commands.clinical:main",
        says_it_all=True,
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
    AppCommand(
        name="report-intake",
        help="Objects a second from two dcmtk senders, beside a plain pynetdicom handler.",
        run="apps.report_gen.benchmarks.intake:main",
    ),
)
SCHEDULES: tuple[AppSchedule, ...] = (
    AppSchedule(
        key="retain",
        label=Text(
            en="Forget who old studies are about (options: days, dry)",
            zh="清除过期检查的身份信息（选项：days、dry）",
        ),
        run="apps.report_gen.services.retaining:retain",
        default_cron="40 2 * * *",
    ),
)
