"""The files that a study came in: which they are, whose they are, and opened for who reads them.

One file may hold images of several studies: the first study owns it, the others share it, and it
goes with the last of them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from django.db.models import Q

from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, Study

RAW: Final = ("image", "upload")
_PIECE: Final = 1 << 20


def of_study(study: Study) -> list[ClinicalObject]:
    """Raw files with images of the study, oldest first; of equal contents, one."""
    mine = Q(study=study) | Q(shared_with=study)
    rows = ClinicalObject.objects.filter(mine, kind__in=RAW).distinct().order_by("received_at")
    return list({row.sha256: row for row in reversed(rows)}.values())[::-1]


def link(study: Study, rows: Iterable[ClinicalObject]) -> None:
    """Note that the files hold images of the study; safe to repeat."""
    keys = [row.pk for row in rows]
    ClinicalObject.objects.filter(pk__in=keys, study=None).update(study=study)
    study.shares.add(*ClinicalObject.objects.filter(pk__in=keys).exclude(study=study))


def name_of(row: ClinicalObject) -> str:
    """What a raw file is called while a child process reads it: nothing a sender chose."""
    return f"file-{row.sealed}"


def opened(rows: Sequence[ClinicalObject], folder: Path) -> list[Path]:
    """The files decrypted below `folder`, in the order of `rows`.

    Raises:
        Missing, Tampered, KeyMissing: a file cannot be opened.
    """
    raw = folder / "in"
    raw.mkdir(mode=0o700)
    store = installed.store()
    paths = []
    for row in rows:
        target = raw / name_of(row)
        with store.open(row.sealed) as stream, target.open("xb") as file:
            while piece := stream.read(_PIECE):
                file.write(piece)
        paths.append(target)
    return paths


def made_in(folder: Path) -> Path:
    """Where below `folder` bundles are made."""
    out = folder / "out"
    out.mkdir(mode=0o700)
    return out
