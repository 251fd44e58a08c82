"""Volumes that do not fit: successive chunks of a source, the next one read while one is worked on.

Two buffers go round, so that never more than two chunks are in memory: the one that is worked on
and the one being read.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core_kernels.errors import ArgumentRefused

_POLL_S = 0.05
_BESIDE = 2**20
"""Bytes that the reading thread, its stack and its queue take."""


class Source(Protocol):
    """Where planes come from: a file, a decoder, a socket."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Planes first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the planes."""

    def read_into(self, start: int, out: NDArray[Any]) -> None:
        """Write the planes ``start : start + len(out)`` into `out`."""


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """Planes that lie one after the other in a file, C-ordered.

    They are read rather than mapped: pages of a mapping stay in memory as long as the kernel likes.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0

    def read_into(self, start: int, out: NDArray[Any]) -> None:
        """See `Source`.

        Raises:
            ArgumentRefused: the file ends too early.
        """
        plane = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + start * plane)
            wanted = out.data.cast("B")
            filled = 0
            while filled < len(wanted):
                count = file.readinto(wanted[filled:])
                if not count:
                    raise ArgumentRefused(
                        f"{self.path.name} ends {len(wanted) - filled} bytes before plane "
                        f"{start + len(out)}; it is incomplete."
                    )
                filled += count


@dataclass(frozen=True, kw_only=True)
class ArraySource:
    """An array in memory, or one that numpy maps from a file."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return self.array.dtype

    def read_into(self, start: int, out: NDArray[Any]) -> None:
        """See `Source`."""
        out[...] = self.array[start : start + len(out)]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Planes ``start : start + len(planes)``; valid until the next chunk is asked for.

    `planes` begins with `before` planes of overlap that belong to the chunk before, and ends with
    `after` planes that belong to the next one.
    """

    start: int
    planes: NDArray[Any]
    before: int = 0
    after: int = 0


@dataclass(frozen=True, kw_only=True)
class _Failed:
    error: BaseException


def planes_within(source: Source, nbytes: int) -> int:
    """How many planes make a chunk of `nbytes`, at least one.

    Half of what reading takes beside its two buffers is counted in, so that all of it together
    stays under two chunks.
    """
    plane = int(np.prod(source.shape[1:])) * source.dtype.itemsize
    return max(1, (nbytes - _BESIDE // 2) // max(plane, 1))


def chunks(
    source: Source,
    planes: int,
    *,
    overlap: int = 0,
    buffer: Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]] = np.empty,
) -> Iterator[Chunk]:
    """Cut a source along its first axis, reading one chunk ahead in a thread.

    Args:
        planes: in each chunk, overlap included.
        overlap: planes beside a chunk's own, on either side, where there are some.
        buffer: makes each of the two buffers, e.g. pinned ones.

    Raises:
        ArgumentRefused: the planes do not leave room for the overlap.
        Exception: whatever reading raises, when the chunk it concerns is asked for.
    """
    own = planes - 2 * overlap
    if own < 1 or overlap < 0:
        raise ArgumentRefused(
            f"planes={planes} with overlap={overlap} on either side leaves {own} planes a chunk; "
            "give more planes."
        )
    return _chunks(source, planes, own, overlap, buffer)


def _chunks(
    source: Source, planes: int, own: int, overlap: int, buffer: Callable[..., NDArray[Any]]
) -> Iterator[Chunk]:
    depth = source.shape[0]
    size = min(planes, depth)
    free: Queue[NDArray[Any]] = Queue()
    for _ in range(2 if depth > own else 1):
        free.put(buffer((size, *source.shape[1:]), source.dtype))
    ready: Queue[tuple[Chunk, NDArray[Any]] | _Failed] = Queue()
    stopped = threading.Event()

    def read() -> None:
        try:
            for start in range(0, depth, own):
                first, last = max(0, start - overlap), min(depth, start + own + overlap)
                held = _taken(free, stopped)
                if held is None:
                    return
                part = held[: last - first]
                source.read_into(first, part)
                chunk = Chunk(
                    start=first,
                    planes=part,
                    before=start - first,
                    after=max(0, last - min(depth, start + own)),
                )
                ready.put((chunk, held))
        except BaseException as error:
            ready.put(_Failed(error=error))
            if not isinstance(error, Exception):
                raise

    reader = threading.Thread(target=read, name="chunk-reader", daemon=True)
    reader.start()
    try:
        for _ in range(0, depth, own):
            found = ready.get()
            if isinstance(found, _Failed):
                raise found.error
            yield found[0]
            free.put(found[1])
    finally:
        stopped.set()
        reader.join()


def _taken(free: "Queue[NDArray[Any]]", stopped: threading.Event) -> NDArray[Any] | None:
    """A buffer once there is one; None when nobody asks for chunks any more."""
    while not stopped.is_set():
        try:
            return free.get(timeout=_POLL_S)
        except Empty:
            continue
    return None
