"""The folder of an import while it is at work: survives a kill, goes when the import has ended."""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from loupe.blobs.spool import make_private
from loupe.datasets.models import IMPORT_OPEN, Import


@dataclass(frozen=True)
class Scratch:
    """Where one import keeps what it has so far.

    Attributes:
        unpacked: the archive's files, under their cleaned names.
        hashes: what was unpacked: JSON lines ``{"name", "sha256", "size"}``; there once all is.
        plan: what the reader said; there once it has.
        stored: what became of each record's bytes, a line each, in the plan's order.
        found: problems that came up in unpacking and storing.
    """

    folder: Path

    @property
    def unpacked(self) -> Path:
        return self.folder / "unpacked"

    @property
    def hashes(self) -> Path:
        return self.folder / "hashes.jsonl"

    @property
    def plan(self) -> Path:
        return self.folder / "plan.jsonl"

    @property
    def stored(self) -> Path:
        return self.folder / "stored.jsonl"

    @property
    def found(self) -> Path:
        return self.folder / "found.jsonl"

    def make(self) -> None:
        """Have the folder there, private."""
        make_private(self.folder)

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def of(import_id: uuid.UUID) -> Scratch:
    """The scratch of that import."""
    return Scratch(root() / str(import_id))


def root() -> Path:
    """Where the scratch folders lie."""
    return Path(settings.VAR) / "imports"


def sweep() -> int:
    """Remove the folders of imports that have ended; returns how many."""
    if not root().is_dir():
        return 0
    there = {folder.name for folder in root().iterdir()}
    if not there:
        return 0
    still = {
        str(pk)
        for pk in Import.objects.filter(state__in=IMPORT_OPEN, pk__in=_ids(there)).values_list(
            "pk", flat=True
        )
    }
    for name in there - still:
        shutil.rmtree(root() / name, ignore_errors=True)
    return len(there - still)


def _ids(names: set[str]) -> list[uuid.UUID]:
    found = []
    for name in names:
        try:
            found.append(uuid.UUID(name))
        except ValueError:
            continue
    return found
