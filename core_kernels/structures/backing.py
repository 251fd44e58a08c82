"""Memory of growing arrays made present by a thread in the background, before it is written.

The system gives memory at the first write, zeroed: two mebibytes may take milliseconds, which the
writer of a live state would have all at once. Linux (5.14) gives pages beforehand without changing
what they hold (``MADV_POPULATE_WRITE``), so writer and thread need not know of each other. Where
that cannot be had, or a page is late, the writer gets it by writing, as ever.
"""

import ctypes
import errno
import mmap
import os
import threading
from functools import lru_cache
from queue import SimpleQueue
from typing import Any, Final

from numpy.typing import NDArray

AHEAD: Final = 2**22
"""Bytes that are present behind what is written, at most; of a small array a quarter of it."""
PIECE: Final = 2**21
"""Bytes that are asked for at once."""
_ADVICE: Final = 23
"""What the thread tells Linux: ``MADV_POPULATE_WRITE``."""
_NORESERVE: Final = getattr(mmap, "MAP_NORESERVE", 0x4000)
"""Addresses alone are asked for; Linux's number, where this Python does not name it."""


class Stretch(mmap.mmap):
    """Addresses of one array.

    Attributes:
        backed: bytes from its start that are present, or have been asked for.
    """

    backed: int = 0


def ready(array: NDArray[Any], used: int) -> None:
    """See to it that the rows behind the first `used` ones of a growing array will be present.

    An array that lies in no `Stretch` is left alone.
    """
    whole: Any = array.base
    place = None if whole is None else getattr(whole, "base", None)
    if not isinstance(place, Stretch):
        return
    written = used * array.strides[0]
    ahead = min(AHEAD, written // 4)
    if written + ahead <= place.backed:
        return
    start = max(place.backed, written) // PIECE * PIECE
    stop = min(-(-(written + ahead) // PIECE) * PIECE, len(place))
    place.backed = max(stop, place.backed)
    if start < stop:
        _hand().give(whole, start, stop)


class _Hand:
    """A thread; it holds an array for as long as it works on it."""

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[NDArray[Any], int, int]] = SimpleQueue()
        self._able = True
        self._madvise = ctypes.CDLL(None, use_errno=True).madvise
        self._madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        threading.Thread(target=self._work, name="memory ready", daemon=True).start()

    def give(self, whole: NDArray[Any], start: int, stop: int) -> None:
        """Have these bytes of an array present soon."""
        if self._able:
            self._asked.put((whole, start, stop))

    def _work(self) -> None:
        while True:
            whole, start, stop = self._asked.get()
            # Piece by piece: whoever wants addresses meanwhile waits for one piece only.
            for at in range(start, stop, PIECE):
                size = min(PIECE, stop - at)
                failed = self._madvise(whole.ctypes.data + at, size, _ADVICE) != 0
                if failed and ctypes.get_errno() == errno.EINVAL:
                    self._able = False  # an older Linux; where memory is short, writing will tell
                    break
            del whole


def _hand() -> _Hand:
    """The thread of this process; a forked child has none of its parent's."""
    return _hand_of(os.getpid())


@lru_cache(maxsize=1)
def _hand_of(_process: int) -> _Hand:
    return _Hand()


def stretch(size: int) -> Stretch:
    """Addresses alone, in large pages where the system has them.

    Raises:
        OSError, ValueError: there are no such addresses, or it is no such system.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    place = Stretch(-1, size, flags=flags)
    place.madvise(mmap.MADV_HUGEPAGE)
    return place
