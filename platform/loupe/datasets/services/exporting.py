"""A version as a zip in one of its app's layouts: `export`."""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.blobs import room, spool
from loupe.contract.labelling import Labelling, Layout, ReadRecord, WriteLayout
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import load
from loupe.datasets import manifest, vocabulary
from loupe.datasets.models import DatasetVersion
from loupe.datasets.services.materialising import SUFFIXES, bring

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Export:
    """A zip on its way out; `chunks` are read once, and what was written goes with the last."""

    filename: str
    chunks: Iterator[bytes]


class _Silent:
    """A `Reporter` for work that nobody watches."""

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Nothing to tell."""

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Nothing to tell."""


def export(actor: Actor, version: DatasetVersion, layout: str) -> Export:
    """`version` in the layout of that key; the app's first one where `layout` is empty.

    Raises:
        NotVisible, Denied: the actor may not export from this project.
        DatasetRefused: the app has no such layout.
        BlobMissing: storage has lost a record's bytes.
        DiskFull: the files do not fit.
    """
    dataset = version.dataset
    require(actor, Action.EXPORT, dataset.project)
    labelling = vocabulary.labelling_of(dataset.app)
    chosen = vocabulary.layout_of(dataset.app, layout)
    if chosen is None:
        chosen = labelling.layouts[0]
        layout = chosen.key
    folder = spool.at(settings.SPOOL).new_file()
    folder.mkdir(mode=0o700)
    try:
        with room.guarded(folder):
            _write(version, labelling, chosen, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    facts = {"dataset": dataset.name, "version": version.number, "layout": layout}
    audit(actor, dataset.project, "dataset.exported", f"dataset_version:{version.pk}", facts)
    name = f"{dataset.name}-v{version.number}-{layout}"
    return Export(filename=f"{name}.zip", chunks=_zipped(folder / "out", folder))


def _write(version: DatasetVersion, labelling: Labelling, layout: Layout, folder: Path) -> None:
    bytes_of, out = folder / "files", folder / "out"
    bytes_of.mkdir()
    out.mkdir()

    def records() -> Iterator[ReadRecord]:
        for line in manifest.read(version.manifest):
            file = bytes_of / f"{line.sha256}{SUFFIXES.get(line.media_type, '')}"
            bring(line, file)
            yield ReadRecord(
                name=line.name,
                file=file,
                labels=labelling.schema.model_validate(line.labels),
                group=line.group,
                split=line.split,
            )

    write: WriteLayout = load(layout.write)
    write(labelling.about_schema.model_validate(version.about), records(), out, _Silent())


class _Outgoing:
    """A file-like end of a zip that hands on what is written to it."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes, /) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self._waiting)
        self._waiting.clear()
        return data


def _zipped(out: Path, folder: Path) -> Iterator[bytes]:
    """The files below `out` as a zip, stored: pictures do not get smaller."""
    outgoing = _Outgoing()
    try:
        with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for path in sorted(out.rglob("*")):
                if not path.is_file():
                    continue
                entry = zipfile.ZipInfo(path.relative_to(out).as_posix(), (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                with path.open("rb") as source, archive.open(entry, "w") as target:
                    while chunk := source.read(CHUNK_BYTES):
                        target.write(chunk)
                        yield outgoing.taken()
            yield outgoing.taken()
        yield outgoing.taken()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
