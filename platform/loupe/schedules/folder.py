"""The task `folder`: every file of a folder below WATCH_ROOT, or every new one, as a submission."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Channel, Submission
from loupe.intake.sources import Source
from loupe.jobs import handing
from loupe.jobs import services as jobs
from loupe.jobs.models import Job
from loupe.schedules.errors import FolderRefused, InvalidSchedule
from loupe.schedules.models import Schedule, ScheduleRun, SeenFile

SETTLE_S = 5.0
"""A file changed less than this many seconds ago may still be written: the next run takes it."""


class FolderOptions(BaseModel):
    """What a schedule with the task `folder` is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(description="path below LOUPE_WATCH_ROOT", min_length=1, max_length=400)
    model: str | None = Field(default=None, description="a registered model; None: the default")
    only_new: bool = Field(default=True, description="skip files that an earlier run sent")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One file: `name` is its path inside the folder, with slashes."""

    name: str
    path: Path
    size: int
    modified_ns: int


def options(given: dict[str, object]) -> FolderOptions:
    """The checked options.

    Raises:
        InvalidSchedule: unknown or missing options, or a path that leaves WATCH_ROOT.
    """
    try:
        checked = FolderOptions.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidSchedule(
            _("Option %(name)r: %(why)s.")
            % {"name": ".".join(map(str, first["loc"])) or "options", "why": first["msg"]},
            code="options_invalid",
        ) from None
    below = PurePosixPath(checked.folder)
    if below.is_absolute() or ".." in below.parts or "\\" in checked.folder:
        raise InvalidSchedule(
            _("The folder %(folder)r must be a path below %(root)s, without '..'.")
            % {"folder": checked.folder, "root": settings.WATCH_ROOT},
            code="folder_outside",
        )
    return checked


def files(folder: str) -> Iterator[Found]:
    """The settled files below WATCH_ROOT/`folder`, by name; links and dot files are left out.

    Raises:
        FolderRefused: there is no such folder, or a link leads out of WATCH_ROOT.
    """
    root = settings.WATCH_ROOT.resolve()
    base = (root / folder).resolve()
    if not base.is_relative_to(root) or not base.is_dir():
        raise FolderRefused(
            _("There is no folder %(folder)r below %(root)s. Make it, or change the schedule.")
            % {"folder": folder, "root": root}
        )
    newest_ns = time.time_ns() - int(SETTLE_S * 1e9)
    for path in sorted(base.rglob("*")):
        inside = path.relative_to(base)
        if path.is_symlink() or any(part.startswith(".") for part in inside.parts):
            continue
        if not path.resolve().is_relative_to(base) or not path.is_file():
            continue
        status = path.stat()
        if status.st_mtime_ns <= newest_ns:
            yield Found(
                name=inside.as_posix(),
                path=path,
                size=status.st_size,
                modified_ns=status.st_mtime_ns,
            )


def send(run: ScheduleRun) -> Job | None:
    """Submit what a run finds. None: there was nothing to send.

    Safe to repeat for the same run: the submission carries the run's number in its name, and an
    existing one is taken over.

    Raises:
        LoupeError: the folder is missing, or nothing in it could be used.
    """
    schedule = run.schedule
    wanted = options(schedule.options)
    name = f"{schedule.name} · {run.pk}"
    sent = Submission.objects.filter(
        project=schedule.project, channel=Channel.SCHEDULE, name=name
    ).first()
    started = Job.objects.filter(submission=sent).first() if sent is not None else None
    found = list(files(wanted.folder))
    if wanted.only_new:
        found = _unseen(schedule, found)
    found = found[: settings.MAX_FILES]
    if started is None:
        if not found:
            return None
        started = jobs.submit(
            SYSTEM,
            schedule.project,
            schedule.app,
            Channel.SCHEDULE,
            [Source(name=one.name, path=one.path) for one in found],
            name,
            wanted.model,
        )
        _mark(schedule, found)
    else:
        # Taken over from an attempt that was killed: only what it names is known to be sent.
        received = _names(started.submission)
        _mark(schedule, [one for one in found if one.name in received])
    return started


def hand_over(run: ScheduleRun) -> int:
    """Give what a run finds to an app that keeps files itself; how many files there were.

    Files are remembered by a keyed hash of their names, which may name people.

    Raises:
        LoupeError: the folder is missing, or nothing in it could be used.
    """
    schedule = run.schedule
    wanted = options(schedule.options)
    rows = [(one, replace(one, name=_hashed(one.name))) for one in files(wanted.folder)]
    if wanted.only_new:
        unseen = {one.name for one in _unseen(schedule, [kept for _, kept in rows])}
        rows = [pair for pair in rows if pair[1].name in unseen]
    rows = rows[: settings.MAX_FILES]
    if not rows:
        return 0
    handing.hand_over(
        SYSTEM, schedule.project, schedule.app, Channel.SCHEDULE,
        [Source(name=one.name, path=one.path) for one, _ in rows], schedule.name, wanted.model,
    )  # fmt: skip
    _mark(schedule, [kept for _, kept in rows])
    return len(rows)


def _hashed(name: str) -> str:
    return salted_hmac("loupe.schedules", name, algorithm="sha256").hexdigest()


def _names(submission: Submission) -> set[str]:
    """What the submission holds, and the archives that its members came in."""
    names: set[str] = set()
    for name in submission.inputs.values_list("name", flat=True).iterator():
        names.add(name)
        names.update(parent.as_posix() for parent in PurePosixPath(name).parents)
    return names


def _unseen(schedule: Schedule, found: list[Found]) -> list[Found]:
    seen = set(
        SeenFile.objects.filter(schedule=schedule).values_list("name", "size", "modified_ns")
    )
    return [one for one in found if (one.name, one.size, one.modified_ns) not in seen]


def _mark(schedule: Schedule, sent: list[Found]) -> None:
    SeenFile.objects.bulk_create(
        [
            SeenFile(schedule=schedule, name=one.name, size=one.size, modified_ns=one.modified_ns)
            for one in sent
        ],
        batch_size=500,
        ignore_conflicts=True,
    )
