"""Slabs of shared memory the engine owns and leases to its clients.

Slabs that come back are kept for the next lease of their size: their pages are already there, and
touching fresh pages costs more than copying an image. Space is reserved before a slab is handed
out, since writing into a full tmpfs kills the writer.
"""

import contextlib
import fcntl
import os
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.engine.errors import NotFound, RequestRefused
from loupe.sandbox.slab import Slab

FOLDER = Path("/dev/shm")  # noqa: S108 - Linux's shared memory, not a scratch folder
T = TypeVar("T")

_PREFIX = "loupe-"
_SMALLEST = 64 * 1024
_STEP = 16 * 2**20


@dataclass
class _Leased:
    slab: Slab
    owner: object
    pins: int = 0
    returned: bool = False


@dataclass
class SlabStore:
    """Leases slabs to owners (connections). Thread-safe.

    Args:
        limit_bytes: all slabs together, leased and kept.
        folder: a tmpfs.
    """

    limit_bytes: int
    folder: Path = FOLDER
    _leased: dict[str, _Leased] = field(default_factory=dict)
    _kept: dict[int, list[Slab]] = field(default_factory=lambda: defaultdict(list))
    _total: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        remove_stale(self.folder)
        self._id = secrets.token_hex(8)
        # Held for life: a lock nobody holds marks the slabs of an engine that is gone.
        self._guard = _lock_file(self.folder, self._id)

    def lease(self, nbytes: int, owner: object) -> Slab:
        """A slab of at least `nbytes` bytes for `owner`.

        Raises:
            RequestRefused: `nbytes` is not positive or larger than all slabs may be together.
            TemporarilyUnavailable: too much is leased, or shared memory is full.
        """
        if not 0 < nbytes <= self.limit_bytes:
            raise RequestRefused(
                f"byte_size={nbytes} must be between 1 and {self.limit_bytes}; send larger "
                "input in pieces or raise the engine's --slab-bytes."
            )
        size = size_class(nbytes, self.limit_bytes)
        with self._lock:
            slab = self._kept[size].pop() if self._kept[size] else self._create(size)
            slab.open = True
            self._leased[slab.name] = _Leased(slab, owner)
            return slab

    def release(self, name: str) -> None:
        """Take a slab back.

        Raises:
            NotFound: no such slab is leased.
        """
        with self._lock:
            self._return(self._known(name))

    def release_owner(self, owner: object) -> None:
        """Take back whatever `owner` leased: it has disconnected."""
        with self._lock:
            for lease in [lease for lease in self._leased.values() if lease.owner is owner]:
                self._return(lease)

    def scratch(self, nbytes: int) -> Slab:
        """A slab for the engine's own use; close it to give it back."""
        return self.lease(nbytes, self)

    def hand_over(self, name: str, owner: object) -> None:
        """Make `owner` the one whose slab this is.

        Raises:
            NotFound: no such slab is leased.
        """
        with self._lock:
            self._known(name).owner = owner

    def pin(self, name: str) -> Slab:
        """The slab `name`, kept from reuse until `unpin`, whatever happens to its owner.

        Raises:
            NotFound: no such slab is leased (``slab_unknown``).
        """
        with self._lock:
            lease = self._known(name)
            lease.pins += 1
            return lease.slab

    def unpin(self, names: Iterable[str]) -> None:
        """Undo `pin` for each name."""
        with self._lock:
            for name in names:
                lease = self._leased[name]
                lease.pins -= 1
                if lease.returned and not lease.pins:
                    self._keep(lease)

    def usage(self) -> dict[str, int]:
        """Slabs leased, and bytes leased and kept."""
        with self._lock:
            leased = sum(lease.slab.nbytes for lease in self._leased.values())
            return {
                "leased": len(self._leased),
                "leased_bytes": leased,
                "kept_bytes": self._total - leased,
                "limit_bytes": self.limit_bytes,
            }

    def close(self) -> None:
        """Remove every slab."""
        with self._lock:
            for lease in self._leased.values():
                self._remove(lease.slab)
            self._leased.clear()
            self._free_kept()
        (self.folder / f"{_PREFIX}{self._id}.lock").unlink(missing_ok=True)
        os.close(self._guard)

    def _closed(self, slab: Slab) -> None:
        with contextlib.suppress(NotFound):
            self.release(slab.name)

    def _known(self, name: str) -> _Leased:
        lease = self._leased.get(name)
        if lease is None or lease.returned:
            raise NotFound(f"There is no slab {name!r}; lease one first.", code="slab_unknown")
        return lease

    def _return(self, lease: _Leased) -> None:
        lease.returned = True
        if not lease.pins:
            self._keep(lease)

    def _keep(self, lease: _Leased) -> None:
        del self._leased[lease.slab.name]
        # A new name, so that a late message about the old lease cannot touch the next one. Nobody
        # outside was ever told the name of a slab for the engine's own use.
        if lease.owner is not self:
            fresh = self._name()
            (self.folder / lease.slab.name).rename(self.folder / fresh)
            lease.slab.name = fresh
        self._kept[lease.slab.nbytes].append(lease.slab)

    def _create(self, size: int) -> Slab:
        if self._total + size > self.limit_bytes:
            self._free_kept()
        if self._total + size > self.limit_bytes:
            raise TemporarilyUnavailable(
                f"{self._total} of {self.limit_bytes} bytes of shared memory are leased and {size} "
                "more were asked for; try again when other requests have ended.",
                code="slab_memory",
            )
        name = self._name()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(self.folder / name, flags, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            slab = Slab(name, fd, size, on_close=self._closed)
        except OSError as error:
            os.close(fd)
            (self.folder / name).unlink()
            raise TemporarilyUnavailable(
                f"{self.folder} has no room for {size} bytes; free some or make it larger (Docker: "
                "--shm-size).",
                code="slab_memory",
            ) from error
        self._total += size
        return slab

    def _free_kept(self) -> None:
        for slabs in self._kept.values():
            for slab in slabs:
                self._remove(slab)
        self._kept.clear()

    def _remove(self, slab: Slab) -> None:
        (self.folder / slab.name).unlink(missing_ok=True)
        self._total -= slab.nbytes
        slab.unmap()

    def _name(self) -> str:
        return f"{_PREFIX}{self._id}-{secrets.token_hex(8)}"


class Pins:
    """The slabs one request refers to, pinned until the request and its work are both over."""

    def __init__(self, store: SlabStore) -> None:
        self._store = store
        self._held: dict[str, Slab] = {}
        self._holders = 1
        self._lock = threading.Lock()

    @property
    def slabs(self) -> list[Slab]:
        """What is pinned."""
        return list(self._held.values())

    def find(self, name: str) -> Slab:
        """Pin and return a slab.

        Raises:
            NotFound: no such slab is leased.
        """
        if name not in self._held:
            self._held[name] = self._store.pin(name)
        return self._held[name]

    def until(self, work: Future[T]) -> Future[T]:
        """Hold on until `work` is done too; a thread cannot be stopped half-way."""
        with self._lock:
            self._holders += 1
        work.add_done_callback(lambda _: self.release())
        return work

    def release(self) -> None:
        """Let go; the last one to do so unpins."""
        with self._lock:
            self._holders -= 1
            last = not self._holders
        if last:
            self._store.unpin(list(self._held))


def size_class(nbytes: int, limit: int) -> int:
    """`nbytes` rounded up so that slabs fit later requests: powers of two, then 16 MiB steps."""
    if nbytes > _STEP:
        return min((nbytes + _STEP - 1) // _STEP * _STEP, limit)
    return min(max(_SMALLEST, 1 << (nbytes - 1).bit_length()), limit)


def remove_stale(folder: Path) -> None:
    """Remove the slabs of engines that are gone."""
    for path in folder.glob(f"{_PREFIX}*.lock"):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # another user's engine, or gone this moment
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            for slab in folder.glob(f"{path.name.removesuffix('.lock')}-*"):
                slab.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        finally:
            os.close(fd)


def _lock_file(folder: Path, name: str) -> int:
    """Create and lock in one visible step: an unlocked file would look stale to others."""
    partial = folder / f".{_PREFIX}{name}"
    fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    partial.rename(folder / f"{_PREFIX}{name}.lock")
    return fd
