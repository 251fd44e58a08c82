"""Arrays that grow at their end without being copied.

An array beyond a mebibyte lies at the start of a stretch of addresses that nothing else uses; the
system gives memory to what is written, page by page, so growing costs nothing at the moment of
growing. Where no such stretch can be had, the array is copied into one of twice the size.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core_kernels.structures.backing import Stretch, stretch

SMALL: Final = 2**20
"""Bytes up to which an array is simply copied."""
STRETCH: Final = 2**33
"""Bytes of addresses for each array; a larger one is copied into a longer stretch."""


def longer(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """The array with zeros behind it, `rows` rows long; itself if it is that long and writable.

    What is behind the array must not have been written through another one.
    """
    if rows <= len(array):
        return array if array.flags.writeable else array.copy()
    whole: Any = array.base
    stretched = whole is not None and isinstance(getattr(whole, "base", None), Stretch)
    if stretched and rows <= len(whole):
        behind: NDArray[Any] = whole[:rows]
        return behind
    grown = zeros((rows, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def zeros(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Zeros that take memory as they are written, and can become `longer`."""
    row = int(np.prod(shape[1:], dtype=np.int64)) * kind.itemsize
    wanted = shape[0] * row
    if wanted <= SMALL:
        return np.zeros(shape, kind)
    size = STRETCH
    while size < 2 * wanted:
        size *= 2
    try:
        place = stretch(size)
    except (OSError, ValueError):  # a limit on addresses, or no such system
        return np.zeros(shape, kind)
    whole = np.ndarray((size // row, *shape[1:]), kind, buffer=place)
    return whole[: shape[0]]
