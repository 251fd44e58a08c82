"""Volumes and masks for the viewer: made once from the de-identified bundle, kept as long as there
is room, and made again when they are asked for.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from apps.report_gen.models import Study
from apps.report_gen.schema import StudyResult
from apps.report_gen.services.reporting.slugs import SLUG
from apps.report_gen.viewing.masks import nifti_of
from apps.report_gen.viewing.parts import parts
from loupe.host.blobs import Blob
from loupe.host.derived import place
from loupe.host.engine import render
from loupe.host.people import NotVisible

SIZES: Final = ("small", "full")
SCAN: Final = "scan"
ENDINGS: Final = {"small": "nii.gz", "full": "nii.gz", SCAN: "json"}
MAKE: Final = "apps.report_gen.viewing.volumes:made"
DEADLINE_MS: Final = 120_000
MOST_BYTES: Final = 20 * 2**30
"""Of all volumes that are kept; those not looked at for longest go."""


def bundle_of(study: Study) -> Blob:
    """The stored, de-identified images of a study.

    Raises:
        NotVisible: they are not there, or no longer.
    """
    received = study.result.item.input if study.result is not None else None
    if received is None or received.blob is None:
        raise NotVisible(_("The images of this study are not kept any more."))
    return received.blob


def volume(study: Study, size: str) -> Path:
    """The gzipped NIfTI file, ``small`` or ``full``, or the ``scan`` as JSON; made now where it is
    not kept.

    Raises:
        NotVisible: the images are not there.
        InputRefused: they cannot be read.
        TemporarilyUnavailable: the engine is away or too busy.
    """
    blob = bundle_of(study)
    kept = _path(blob.sha256, size)
    if not kept.exists():
        with _alone(kept.parent):
            if not kept.exists():
                _make(blob)
    os.utime(kept)
    return kept


def prepare(study: Study) -> None:
    """Make what the viewer needs before anybody asks. Raises as `volume`."""
    volume(study, "full")


def masks(study: Study) -> Path:
    """The masks of the study's result as a gzipped NIfTI file.

    Raises:
        NotVisible: the result has none.
    """
    row = study.result
    kept = place(SLUG, f"masks/{row.pk if row is not None else 0}.nii.gz")
    if not kept.exists():
        result = None if row is None else StudyResult.model_validate(row.data)
        if result is None or result.masks is None:
            raise NotVisible(_("This study has no masks."))
        _write(kept, nifti_of(result.masks))
    return kept


def _path(sha256: str, size: str) -> Path:
    return place(SLUG, f"volumes/{sha256[:2]}/{sha256}.{size}.{ENDINGS[size]}")


def _make(blob: Blob) -> None:
    for size, data in zip(ENDINGS, parts(render(MAKE, blob, {}, DEADLINE_MS)), strict=True):
        _write(_path(blob.sha256, size), data)
    _sweep()


def _write(target: Path, data: bytes | memoryview) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}.part")
    partial.write_bytes(data)
    partial.rename(target)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Several windows on one study: the first makes its volumes, the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep() -> None:
    kept = sorted(
        (path.stat().st_mtime, path.stat().st_size, path)
        for path in place(SLUG, "volumes").rglob("*.full.nii.gz")
    )
    total = sum(size for _at, size, _path in kept)
    for _at, size, path in kept:
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= size
