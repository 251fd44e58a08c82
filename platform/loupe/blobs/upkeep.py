"""Checks stored bytes against their hashes, and forgets those nobody refers to any more."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.blobs import small
from loupe.blobs.backend import backend
from loupe.blobs.errors import BlobDamaged, BlobMissing
from loupe.blobs.models import Blob
from loupe.blobs.services import open_local
from loupe.blobs.writing import CHUNK_BYTES
from loupe.contract.runtime.errors import LoupeError

SHORTEST_GRACE = timedelta(hours=1)
"""Work in flight stores first and refers later; nothing younger than this is ever collected."""
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a collection removed: rows with their files, and files that never had a row."""

    blobs: int
    orphans: int
    bytes: int


def verify(blob: Blob) -> None:
    """Read the whole blob and compare.

    Raises:
        BlobMissing: storage has lost it.
        BlobDamaged: the bytes are not those that were stored.
    """
    with open_local(blob) as path:
        found = _sha256(path)
    if found != blob.sha256:
        raise BlobDamaged(
            _(
                "The file %(key)s now has the sha-256 %(found)s: it was changed or damaged on "
                "disk. Restore it from a backup."
            )
            % {"key": blob.key, "found": found}
        )


def damage() -> Iterator[tuple[Blob, LoupeError]]:
    """Every blob that is missing or damaged, with why. Reads everything that is stored."""
    for blob in Blob.objects.order_by("pk").iterator(chunk_size=_BATCH):
        try:
            verify(blob)
        except (BlobMissing, BlobDamaged) as error:
            yield blob, error


def collect(grace: timedelta = timedelta(days=1), *, dry_run: bool = False) -> Collected:
    """Remove what nothing refers to and what nobody stored within `grace`.

    Safe beside running uploads: a row goes only in one statement that looks at its references and
    its age, and a file only if it was not stored again meanwhile.

    Raises:
        ValueError: `grace` is shorter than `SHORTEST_GRACE`.
    """
    if grace < SHORTEST_GRACE:
        raise ValueError(f"grace={grace} is too short: at least {SHORTEST_GRACE}.")
    before = timezone.now() - grace
    blobs = size = 0
    for sha256, nbytes in list(unreferenced(before).values_list("sha256", "size")):
        if not dry_run:
            gone, _counts = unreferenced(before).filter(pk=sha256).delete()
            if not gone:
                continue
            backend().delete_if_older(Blob(sha256=sha256).key, before.timestamp())
            small.forget([sha256])
        blobs, size = blobs + 1, size + nbytes
    orphans, orphan_bytes = _collect_orphans(before, dry_run=dry_run)
    return Collected(blobs=blobs, orphans=orphans, bytes=size + orphan_bytes)


def unreferenced(before: datetime) -> models.QuerySet[Blob]:
    """Blobs stored before then that no row of any table refers to."""
    rows = Blob.objects.filter(last_stored_at__lt=before)
    for relation in Blob._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ForeignObjectRel):
            name = relation.field.name
            users = relation.related_model._base_manager.filter(**{name: models.OuterRef("pk")})
            rows = rows.filter(~models.Exists(users))
    return rows


def _collect_orphans(before: datetime, *, dry_run: bool) -> tuple[int, int]:
    """Files without a row: left by a kill between storing and recording, or by a collection."""
    count = size = 0
    waiting = []
    for found in backend().walk():
        if found.modified < min(before.timestamp(), time.time()):
            waiting.append(found)
    for start in range(0, len(waiting), _BATCH):
        batch = waiting[start : start + _BATCH]
        names = [found.key.rpartition("/")[2] for found in batch]
        known = set(Blob.objects.filter(pk__in=names).values_list("pk", flat=True))
        for name, found in zip(names, batch, strict=True):
            if name in known:
                continue
            if dry_run or backend().delete_if_older(found.key, before.timestamp()):
                count, size = count + 1, size + found.size
    return count, size


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
