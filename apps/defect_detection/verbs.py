"""What people run at a terminal: commands and benchmarks, by the code they name."""

from loupe.contract.extras import AppCommand, AppSchedule
from loupe.contract.text import Text

COMMANDS = (
    AppCommand(
        name="import-dataset",
        help="A folder in YOLO, COCO or VOC layout as a dataset, without any service.",
        run="apps.defect_detection.commands.import_dataset:main",
    ),
    AppCommand(
        name="train",
        help="Train a detector on a folder; what comes is registered as a candidate.",
        run="apps.defect_detection.commands.train:main",
    ),
    AppCommand(
        name="evaluate",
        help="Measure a registered detector on a folder, with intervals.",
        run="apps.defect_detection.commands.evaluate:main",
    ),
    AppCommand(
        name="convert-ultralytics",
        help="An Ultralytics checkpoint (.pt) as a candidate model, after a warning.",
        run="apps.defect_detection.commands.convert_ultralytics:main",
        says_it_all=True,
    ),
    AppCommand(
        name="index-cases",
        help="Take confirmed results into the search for similar ones; the engine must run.",
        run="apps.defect_detection.commands.index_cases:main",
    ),
)

BENCHMARKS = (
    AppCommand(
        name="throughput",
        help="A zip of frames through upload, job and stored results against bare loops.",
        run="apps.defect_detection.benchmarks.throughput:main",
    ),
    AppCommand(
        name="inspect",
        help="What the platform adds to one synchronous inspection.",
        run="apps.defect_detection.benchmarks.inspect:main",
    ),
    AppCommand(
        name="operating-point",
        help="The operating point's page over 100,000 past results.",
        run="apps.defect_detection.benchmarks.operating_point:main",
    ),
    AppCommand(
        name="quality",
        help="The quality page, the station page and lists over 50,000 parts of 30 days.",
        run="apps.defect_detection.benchmarks.quality:main",
    ),
    AppCommand(
        name="similar",
        help="Searching 100,000 vectors for the like of one, against an exact search.",
        run="apps.defect_detection.benchmarks.similar:main",
    ),
    AppCommand(
        name="compose",
        help="How fast a CPU composes training pictures, against sampling as on a GPU.",
        run="apps.defect_detection.benchmarks.composing:main",
    ),
    AppCommand(
        name="engine",
        help="The engine's lanes under load, against a plain FastAPI server.",
        run="apps.defect_detection.benchmarks.engine:main",
    ),
    AppCommand(
        name="runtimes",
        help="The same network on each CPU runtime: latency, throughput, box error.",
        run="apps.defect_detection.benchmarks.runtimes:main",
    ),
    AppCommand(
        name="int8",
        help="An INT8 detector against torch predict: latency, throughput, mAP50.",
        run="apps.defect_detection.benchmarks.int8:main",
    ),
)
SCHEDULES = (
    AppSchedule(
        key="similar-cases",
        label=Text(en="Take in confirmed cases", zh="收录已确认的案例"),
        run="apps.defect_detection.similar.nightly:take_in",
        # Each run is short; those after the last one that had work end at once.
        default_cron="*/5 2-4 * * *",
    ),
)
