"""Where a run keeps its files until it is done: a folder that survives kills.

scratch/runs/<run id>/data/        the bundle
scratch/runs/<run id>/out/         what the app's program writes, checkpoints among it
scratch/runs/<run id>/config.json  the recipe
scratch/runs/<run id>/home/        the child's HOME: settings and caches of libraries
scratch/runs/<run id>/log.txt      what the child printed
"""

import re
import shutil
import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from loupe.training.models import Run, RunState

LOG_CHARACTERS = 12_000
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\t\x20-\U0010ffff]")


def folder_of(run: Run) -> Path:
    """The run's folder."""
    return root() / str(run.pk)


def root() -> Path:
    """Where all of them lie."""
    return Path(settings.SCRATCH) / "runs"


def log_of(run: Run) -> str:
    """The end of what the child printed, as plain text."""
    try:
        with (folder_of(run) / "log.txt").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4 * LOG_CHARACTERS))
            raw = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    # A progress bar draws its line again and again; the last drawing is what it came to.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in raw.split("\n")]
    return _ESCAPES.sub("", "\n".join(lines))[-LOG_CHARACTERS:]


def sweep() -> None:
    """Remove the folders of runs that are done or gone, and those nobody resumed in time."""
    if not root().is_dir():
        return
    old = timezone.now() - timedelta(days=settings.TRAINING_KEPT_DAYS)
    for folder in list(root().iterdir()):
        try:
            run = Run.objects.only("state", "ended_at").filter(pk=uuid.UUID(folder.name)).first()
        except ValueError:
            run = None
        done = run is None or run.state == RunState.DONE
        if done or (run is not None and run.ended_at is not None and run.ended_at < old):
            shutil.rmtree(folder, ignore_errors=True)
