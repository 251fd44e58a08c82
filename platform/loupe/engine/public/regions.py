"""System shared memory of clients on this machine, in the protocol's extension of that name.

A region is read and written through its file, never mapped: a client that makes its region smaller
while it is in use gets an error, where a mapping would end the engine with SIGBUS.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loupe.engine.errors import NotFound, RequestRefused

FOLDER = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lives
MOST = 1024
_KEY = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_OWN = "loupe"


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of a shared-memory object: `nbytes` from `offset` on."""

    name: str
    key: str
    offset: int
    nbytes: int
    fd: int

    def read(self, offset: int, nbytes: int) -> bytes:
        """`nbytes` from `offset` within the region.

        Raises:
            RequestRefused: they do not lie within it, or its memory has become smaller.
        """
        self._check(offset, nbytes)
        parts, at = [], self.offset + offset
        while nbytes:
            part = os.pread(self.fd, nbytes, at)
            if not part:
                raise self._shrunk()
            parts.append(part)
            at, nbytes = at + len(part), nbytes - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, offset: int, data: memoryview) -> None:
        """Write `data` at `offset` within the region.

        Raises:
            RequestRefused: it does not fit, or its memory has become smaller.
        """
        self._check(offset, len(data))
        at = self.offset + offset
        # Writing past the end would make the client's object larger again.
        if os.fstat(self.fd).st_size < at + len(data):
            raise self._shrunk()
        while data:
            written = os.pwrite(self.fd, data, at)
            at, data = at + written, data[written:]

    def _check(self, offset: int, nbytes: int) -> None:
        if offset + nbytes > self.nbytes:
            raise RequestRefused(
                f"{nbytes} bytes at offset {offset} do not lie within the region {self.name!r} of "
                f"{self.nbytes} bytes.",
                code="outside_slab",
            )

    def _shrunk(self) -> RequestRefused:
        return RequestRefused(
            f"The shared memory {self.key!r} of region {self.name!r} has become smaller than it "
            "was registered with; register it again.",
            code="outside_slab",
        )


class Regions:
    """The registered regions by name, for the event loop alone: what is found is used at once, so
    that no file is closed, and its number given to another, in between."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._regions: dict[str, Region] = {}

    def register(self, name: str, key: str, offset: int, nbytes: int) -> None:
        """Open a part of the shared-memory object `key` under `name`.

        Raises:
            RequestRefused: the name is taken, the key is not one, or the part is not within it.
            NotFound: there is no such object.
        """
        if not _KEY.fullmatch(key) or key.lstrip("/").startswith(_OWN):
            raise RequestRefused(
                f"key={key!r} names no shared memory of yours: letters, digits, '.', '_' and '-', "
                f"and not {_OWN!r} at the start."
            )
        fd = self._open(key)
        try:
            size = os.fstat(fd).st_size
            if nbytes < 1 or offset + nbytes > size:
                raise RequestRefused(
                    f"{nbytes} bytes at offset {offset} do not lie within {key!r} of {size} bytes.",
                    code="outside_slab",
                )
            if name in self._regions:
                raise RequestRefused(f"A region {name!r} is registered; unregister it first.")
            if len(self._regions) >= MOST:
                raise RequestRefused(
                    f"{MOST} regions are registered, the most there can be; unregister some."
                )
            self._regions[name] = Region(name=name, key=key, offset=offset, nbytes=nbytes, fd=fd)
        except RequestRefused:
            os.close(fd)
            raise

    def _open(self, key: str) -> int:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            fd = os.open(self._folder / key.lstrip("/"), flags)
        except OSError as error:
            raise NotFound(
                f"The shared memory {key!r} cannot be opened: {error.strerror}.",
                code="region_unknown",
            ) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise RequestRefused(f"key={key!r} is not shared memory.")
        return fd

    def find(self, name: str) -> Region:
        """A region by name.

        Raises:
            NotFound: there is none.
        """
        region = self._regions.get(name)
        if region is None:
            raise NotFound(
                f"There is no region {name!r}; register it first.", code="region_unknown"
            )
        return region

    def status(self, name: str | None = None) -> list[dict[str, Any]]:
        """One region or all, in the protocol's words.

        Raises:
            NotFound: there is none of that name.
        """
        chosen = list(self._regions.values()) if name is None else [self.find(name)]
        return [
            {"name": one.name, "key": one.key, "offset": one.offset, "byte_size": one.nbytes}
            for one in chosen
        ]

    def unregister(self, name: str | None = None) -> None:
        """Close one region, or all; a name nobody registered is passed over."""
        for one in list(self._regions) if name is None else [name]:
            if one in self._regions:
                os.close(self._regions.pop(one).fd)
