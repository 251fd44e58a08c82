"""Small files in the database: stored by the transaction that tells of them, packed behind it.

A file of its own costs three syncs of the disk, more than all else that a synchronous call of one
row does. So its bytes go into a row, and `pack` later joins many rows into one compressed pack:
short blocks of one app are alike, and take a tenth of their room together.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import connection, transaction
from django.db.models import Sum

from loupe.blobs.models import Pack, SmallFile
from loupe.bulk import insert

SMALL_BYTES = 96 * 2**10
"""Larger ones are files of the storage."""
TOGETHER = 128
"""Files of one pack: about 4 MiB to be unpacked for one of them."""
LEFT = 64
"""So few wait for others."""
_KEPT_PACKS = 4


@dataclass(frozen=True, kw_only=True)
class Small:
    """The bytes of a small file, and their hash."""

    data: bytes
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> "Small":
        """`data` with its hash."""
        return cls(data=data, sha256=hashlib.sha256(data).hexdigest())

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What `pack` did: files and their bytes, packs and theirs."""

    files: int = 0
    bytes: int = 0
    packs: int = 0
    packed_bytes: int = 0


def keep(files: Iterable[Small]) -> None:
    """Write small files; call it in the transaction that writes their blobs' rows."""
    rows = {one.sha256: SmallFile(sha256=one.sha256, data=one.data, size=one.size) for one in files}
    insert(rows.values(), renewing=("size",))


def read(sha256: str) -> bytes | None:
    """The bytes of a small file, packed or not; None where it is none."""
    rows = SmallFile.objects.select_related("pack").defer("pack__data")
    row = rows.filter(pk=sha256).first()
    if row is None:
        return None
    if row.pack is None:
        return bytes(row.data or b"")
    return _unpacked(row.pack.pk, row.pack.made_at)[row.offset : row.offset + row.size]


def forget(names: Sequence[str]) -> None:
    """Drop small files by their hashes, and packs of which nothing is left."""
    rows = SmallFile.objects.filter(pk__in=names)
    packs = set(rows.exclude(pack=None).values_list("pack_id", flat=True))
    rows.delete()
    Pack.objects.filter(pk__in=packs, files=None).delete()


def pack(most: int = 64) -> Packed:
    """Pack what waits, `TOGETHER` files at a time, at most `most` packs. Safe beside another."""
    done = Packed()
    for _ in range(most):
        more = _pack_some()
        if not more.files:
            break
        done = Packed(
            files=done.files + more.files, bytes=done.bytes + more.bytes,
            packs=done.packs + 1, packed_bytes=done.packed_bytes + more.packed_bytes,
        )  # fmt: skip
    return done


def room() -> tuple[int, int, int]:
    """How many small files there are, their own bytes, and the bytes they take."""
    files, own = SmallFile.objects.count(), SmallFile.objects.aggregate(all=Sum("size"))["all"] or 0
    loose = SmallFile.objects.filter(pack=None).aggregate(all=Sum("size"))["all"] or 0
    packed = Pack.objects.aggregate(all=Sum("size"))["all"] or 0
    return files, own, loose + packed


def _pack_some() -> Packed:
    """Read and compress first: the transaction that writes them down holds nobody up for long."""
    rows = list(SmallFile.objects.filter(pack=None).order_by()[:TOGETHER])
    if len(rows) < LEFT:
        return Packed()
    # Neighbours in size are alike: blocks with blocks, bodies with bodies.
    rows.sort(key=lambda row: (row.size, row.pk))
    whole = b"".join(bytes(row.data or b"") for row in rows)
    data = zlib.compress(whole, 6)
    places, offset = [], 0
    for row in rows:
        places.append((offset, row.pk))
        offset += row.size
    with transaction.atomic():
        made = Pack.objects.create(data=data, size=len(data))
        with connection.cursor() as cursor:
            cursor.executemany(_MOVED, [(made.pk, *place) for place in places])
    return Packed(files=len(rows), bytes=len(whole), packs=1, packed_bytes=len(data))


@lru_cache(maxsize=_KEPT_PACKS)
def _unpacked(pack_id: int, made_at: datetime) -> bytes:
    """`made_at` is part of the cache's key: a database that was emptied counts anew."""
    return zlib.decompress(bytes(Pack.objects.values_list("data", flat=True).get(pk=pack_id)))


# What another process has packed meanwhile stays where that one put it.
_MOVED = (
    'UPDATE blobs_smallfile SET pack_id = %s, "offset" = %s, data = NULL '
    "WHERE sha256 = %s AND pack_id IS NULL"
)
