"""Identifiers as 64-bit keys, the same whatever the width of the array they come in.

The hash is keyed, so that nobody who lacks the secret can make identifiers that collide. With n
identifiers the odds that any two share a key are about n² / 2⁶⁵: 3 in 10⁸ for a million, 3 in 10⁴
for a hundred million. Two that collide would be one entity; nothing else breaks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.loops import hashing as loops
from loupe.contract.runtime.errors import InputRefused

SECRET_BYTES = 16


def keys_of(
    words: NDArray[np.str_] | NDArray[np.integer[Any]], secret: bytes = bytes(SECRET_BYTES)
) -> NDArray[np.int64]:
    """SipHash-2-4 of each word's UTF-32 code units; 0 for an empty word, and for no other.

    Whole numbers have the keys of their decimal digits.

    Raises:
        InputRefused: the array is neither of unicode nor of whole numbers, or of two dimensions.
        ValueError: the secret is not of 16 bytes.
    """
    array = np.asarray(words)
    whole = array.dtype.kind == "i"
    if array.ndim != 1 or not (whole or array.dtype.kind == "U"):
        raise InputRefused(
            f"Identifiers came as {array.dtype} in {array.ndim} dimensions; give one dimension of "
            "unicode or of whole numbers.",
            code="identifiers_not_text",
        )
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"The secret has {len(secret)} bytes; give {SECRET_BYTES}.")
    keys = np.zeros(len(array), np.int64)
    k0, k1 = np.frombuffer(secret, "<u8")
    if whole:
        loops.hashed_numbers(array.astype(np.int64), k0, k1, keys)
    elif array.dtype.itemsize and len(array):
        native = np.array(array, dtype=array.dtype.newbyteorder("="), order="C")
        loops.hashed(native.view(np.uint32).reshape(len(array), -1), k0, k1, keys)
    return keys


def combined(first: NDArray[np.int64], *others: NDArray[np.int64]) -> NDArray[np.int64]:
    """One key of several, by position: splitmix64's finaliser over their sums; never 0."""
    value = first.view(np.uint64)
    for other in others:
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        value = (value ^ (value >> np.uint64(31))) + other.view(np.uint64)
    kept = value.view(np.int64).copy()
    kept[kept == 0] = 1
    return kept
