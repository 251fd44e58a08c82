"""Watched folders: new files become submissions, each file once.

A file counts as new by name, size and time of change; it is taken when it has not changed for the
folder's `settle_seconds`. Names that start with a dot or end like an unfinished copy are left.
"""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from loupe.accounts.policy import SYSTEM
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.intake import facts as intake_facts
from loupe.intake import services as intake
from loupe.intake.models import Channel, SeenFile, WatchedFolder
from loupe.intake.sources import Source
from loupe.jobs import handing, services
from loupe.jobs.models import Job
from loupe.plugins import registry as apps
from loupe.registry import services as registry

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Files taken into one submission; the next poll takes the next ones."""
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")


def poll_all() -> list[Job]:
    """Poll every enabled folder; one that fails keeps its error and holds up no other."""
    started = []
    for folder in WatchedFolder.objects.filter(enabled=True).select_related("project"):
        try:
            job = poll(folder)
            error = ""
        except (LoupeError, OSError) as problem:
            log.warning("watched folder %s: %s", folder.path, problem)
            job, error = None, str(problem)
        if error != folder.error:
            WatchedFolder.objects.filter(pk=folder.pk).update(error=error)
        if job is not None:
            started.append(job)
    return started


def poll(folder: WatchedFolder) -> Job | None:
    """Start a job for the new files of one folder; None: there are none.

    Raises:
        LoupeError: the folder, a model or every one of its new files cannot be used.
    """
    root = _root(folder)
    new = list(_new_files(folder, root))
    if not new:
        return None
    sources = [Source(name=name, path=root / name) for name, _ in new]
    seen = [row for _, row in new]
    chosen = apps.get(folder.app)
    if handing.takes_over(folder.app):
        _hand_over(folder, new, sources)
        return None
    said = intake_facts.checked(chosen, folder.project, folder.facts)
    scope = intake_facts.scope_of(chosen, said)
    version = (
        registry.resolve(SYSTEM, folder.project, folder.app, folder.model_name or None, scope=scope)
        if chosen.needs_model
        else None
    )
    try:
        submission = intake.receive(
            SYSTEM, folder.project, folder.app, Channel.FOLDER, sources, folder.path, said
        )
    except LoupeError as error:
        if error.code != "disk_full":
            SeenFile.objects.bulk_create(seen, ignore_conflicts=True)
        raise
    try:
        with transaction.atomic():
            SeenFile.objects.bulk_create(seen)
            return services.start(SYSTEM, submission, version)
    except IntegrityError:
        # Another poll took the same files at the same moment; its job is the one that counts.
        submission.delete()
        return None


def _hand_over(
    folder: WatchedFolder, new: list[tuple[str, SeenFile]], sources: list[Source]
) -> None:
    """Give new files to an app that keeps them itself. They are marked after that: files that come
    twice because of a kill are the app's to recognise, files that are lost are nobody's."""
    rows = [row for _, row in new]
    try:
        handing.hand_over(
            SYSTEM, folder.project, folder.app, Channel.FOLDER, sources, "",
            folder.model_name or None, folder.facts,
        )  # fmt: skip
    except LoupeError as error:
        if error.code not in {"disk_full", "temporarily_unavailable"} and not isinstance(
            error, TemporarilyUnavailable
        ):
            SeenFile.objects.bulk_create(rows, ignore_conflicts=True)
        raise
    SeenFile.objects.bulk_create(rows, ignore_conflicts=True)


def _kept_name(folder: WatchedFolder, name: str) -> str:
    """How a file is remembered: by a keyed hash where names may name people."""
    if not handing.takes_over(folder.app):
        return name
    return salted_hmac("loupe.watched", name, algorithm="sha256").hexdigest()


def _root(folder: WatchedFolder) -> Path:
    """The folder on disk, which must lie below LOUPE_WATCH_ROOT, links followed."""
    watch_root = Path(settings.WATCH_ROOT).resolve()
    root = (watch_root / folder.path).resolve()
    if not root.is_relative_to(watch_root):
        raise LoupeError(
            f"{folder.path!r} leads out of LOUPE_WATCH_ROOT ({watch_root}): give a path below it.",
            code="folder_outside",
        )
    if not root.is_dir():
        raise LoupeError(
            f"There is no folder {root}: make it, or switch this watched folder off.",
            code="folder_missing",
        )
    return root


def _new_files(folder: WatchedFolder, root: Path) -> Iterator[tuple[str, SeenFile]]:
    """Settled files that were not taken before, at most `AT_ONCE`: their names below the root and
    how they are remembered."""
    seen = set(SeenFile.objects.filter(folder=folder).values_list("name", "size", "modified_ns"))
    settled_before = time.time() - folder.settle_seconds
    found = 0
    for path in _files(root):
        try:
            status = path.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        name = path.relative_to(root).as_posix()
        if max(status.st_mtime, status.st_ctime) > settled_before:
            continue
        kept = _kept_name(folder, name)
        if (kept, status.st_size, status.st_mtime_ns) in seen:
            continue
        yield (
            name,
            SeenFile(folder=folder, name=kept, size=status.st_size, modified_ns=status.st_mtime_ns),
        )
        found += 1
        if found == AT_ONCE:
            return


def _files(root: Path) -> Iterator[Path]:
    """Plain files below `root` in order of their names; links are not followed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith(".") or name.lower().endswith(UNFINISHED) or path.is_symlink():
                continue
            yield path
