"""The first phase: an archive's entries as files below a scratch folder."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from django.utils.translation import gettext as _

from loupe.blobs.backend import backend
from loupe.blobs.sniff import content, table
from loupe.blobs.spool import make_private
from loupe.contract.labelling import Problem
from loupe.datasets.importing.scratch import Scratch
from loupe.intake import names
from loupe.intake.archives import reading
from loupe.intake.archives.budget import Budget
from loupe.intake.errors import ArchiveRefused, EntryRefused

ARCHIVES = frozenset({table.ZIP, table.TAR})
TELL_EVERY = 50


def unpack(archive: Path, scratch: Scratch, largest: int, tell: Callable[[int], None]) -> None:
    """Unpack `archive` below ``scratch.unpacked``, anew, and write down what came out.

    Args:
        largest: bytes one entry may have.
        tell: called now and then with the number of entries so far; what it raises ends the work.

    Raises:
        ArchiveRefused, TooManyFiles: the archive as a whole.
        DiskFull: there is no room.
    """
    shutil.rmtree(scratch.unpacked, ignore_errors=True)
    for left in (scratch.hashes, scratch.found):
        left.unlink(missing_ok=True)
    make_private(scratch.unpacked)
    media_type = content.media_type(archive)
    if media_type not in ARCHIVES:
        raise ArchiveRefused(
            _("The file is no zip or tar archive: pack the dataset's folder into one."),
            code="not_an_archive",
        )
    hashes, problems = [], []
    entries = reading.read(archive, media_type, Budget.from_settings(largest), backend().new_file)
    for number, entry in enumerate(entries, 1):
        if number % TELL_EVERY == 0:
            tell(number)
        if names.is_litter(entry.name):
            if entry.written is not None:
                entry.written.path.unlink(missing_ok=True)
            continue
        try:
            if entry.refused is not None or entry.written is None:
                raise entry.refused or EntryRefused(_("The entry holds nothing."))
            name = names.clean(entry.name)
            _settle(entry.written.path, scratch.unpacked / name)
            hashes.append(
                {"name": name, "sha256": entry.written.sha256, "size": entry.written.size}
            )
        except EntryRefused as refusal:
            if entry.written is not None:
                entry.written.path.unlink(missing_ok=True)
            shown = names.shown(entry.name)
            problems.append(Problem(file=shown, code=refusal.code, reason=refusal.message))
    _write(scratch.found, [asdict(problem) for problem in problems])
    # Last: its being there says that all the rest is.
    _write(scratch.hashes, hashes)


def _settle(source: Path, target: Path) -> None:
    """Move an entry to where it belongs.

    Raises:
        EntryRefused: something else is there, or the name is too long for the disk.
    """
    try:
        make_private(target.parent)
        if target.exists():
            raise EntryRefused(
                _("Another entry has the same name; the first was taken."), code="duplicate_name"
            )
        source.rename(target)
    except (NotADirectoryError, FileExistsError, IsADirectoryError) as error:
        raise EntryRefused(
            _("One entry is a file where another one needs a folder of that name."),
            code="duplicate_name",
        ) from error
    except OSError as error:
        raise EntryRefused(
            _("The name cannot be used on disk: %(why)s. Shorten it.") % {"why": error.strerror},
            code="name_too_long",
        ) from error


def _write(file: Path, lines: list[dict[str, object]]) -> None:
    """The whole file or none of it."""
    near = file.with_suffix(".new")
    near.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    near.replace(file)
