"""Large pictures as tiles: cut once by the sandbox, kept beside the blobs, served by range.

The web process never decodes a picture. A pyramid is one file below ``LOUPE_VAR/tiles``; those not
looked at for longest go when all of them exceed LOUPE_TILE_CACHE_BYTES. They can be deleted at any
time: what is asked for again is cut again.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.annotation.proposing import options_of
from loupe.blobs import room
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.contract.app import DomainApp
from loupe.contract.runtime.pyramid import Pyramid, PyramidDamaged, open_pyramid
from loupe.engine.client import EngineClient

DEADLINE_MS = 60_000
"""100 megapixels take two to five seconds, on a busy machine some times that."""


def pyramid(domain: type[DomainApp], blob: Blob) -> Pyramid:
    """The tiles of a picture, cut now if they are not kept.

    Raises:
        NotVisible: the app cuts no tiles.
        InputRefused: the picture cannot be decoded.
        DiskFull: there is no room for the tiles.
        TemporarilyUnavailable: the engine is away or too busy.
    """
    cut = domain.pages.tiles
    if cut is None:
        raise NotVisible(_("Files of this kind have no tiles."))
    name = hashlib.sha256(f"{cut} {blob.sha256}".encode()).hexdigest()
    kept = Path(settings.VAR) / "tiles" / name[:2] / f"{name}.tiles"
    found = _opened(kept)
    if found is not None:
        return found
    kept.parent.mkdir(parents=True, exist_ok=True)
    with _alone(kept.parent / ".lock"):
        return _opened(kept) or _cut(domain, cut, blob, kept)


def _cut(domain: type[DomainApp], cut: str, blob: Blob, kept: Path) -> Pyramid:
    options = options_of(domain, blob.media_type)
    with blobs.open_local(blob) as path:
        data = EngineClient(settings.ENGINE_SOCKET).render(cut, path, options, DEADLINE_MS)
    room.require(kept.parent, len(data))
    sweep(keep_free=len(data))
    partial = kept.with_suffix(".part")
    partial.write_bytes(data)
    open_pyramid(partial)  # what the sandbox wrote is looked at before it is believed
    partial.rename(kept)
    return _described(kept, kept.stat().st_ino)


def _opened(kept: Path) -> Pyramid | None:
    """The pyramid on disk; a damaged one is removed."""
    try:
        inode = kept.stat().st_ino
        found = _described(kept, inode)
        os.utime(kept)
    except FileNotFoundError:
        return None
    except PyramidDamaged:
        kept.unlink(missing_ok=True)
        return None
    return found


@lru_cache(maxsize=64)
def _described(kept: Path, inode: int) -> Pyramid:
    """`inode` tells a file that was cut anew from the one before."""
    return open_pyramid(kept)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Several windows on one picture: the first cuts, the others wait for it."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep(keep_free: int = 0) -> int:
    """Remove what was not looked at for longest until the cache fits; returns the bytes freed."""
    limit = settings.TILE_CACHE_BYTES - keep_free
    found = []
    for path in (Path(settings.VAR) / "tiles").glob("*/*.tiles"):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    total, freed = sum(size for _mtime, size, _path in found), 0
    for _mtime, size, path in sorted(found):
        if total - freed <= limit:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed
