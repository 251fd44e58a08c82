"""Bloom filters of 64-bit words: "surely not here" for one look into memory (Putze et al., 2007).

A value picks one word of the filter and four bits in it; 12 bits a value leave about one false
positive in forty.
"""

import numpy as np
from numpy.typing import NDArray

from apps.fraud.live.compiled import compiled, inlined

BITS = 12
"""Of the filter, for each value."""
Words = NDArray[np.uint64]


def empty(count: int) -> Words:
    """A filter for `count` values."""
    return np.zeros(max(1, -(-count * BITS // 64)), np.uint64)


def of(hashes: NDArray[np.uint64]) -> Words:
    """The filter of these values."""
    words = empty(len(hashes))
    _add(words, hashes)
    return words


def maybe(words: Words, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """[n] whether each value may be in the filter; False is certain."""
    found = np.empty(len(hashes), np.bool_)
    _look(words, hashes, found)
    return found


@inlined
def _bits(value):  # type: ignore[no-untyped-def]
    # The word is chosen by the upper half, so the lower half is free to choose bits in it.
    one = np.uint64(1)
    bits = one << (value & np.uint64(63))
    bits |= one << ((value >> np.uint64(6)) & np.uint64(63))
    bits |= one << ((value >> np.uint64(12)) & np.uint64(63))
    return bits | (one << ((value >> np.uint64(18)) & np.uint64(63)))


@inlined
def _word(value, size):  # type: ignore[no-untyped-def]
    return ((value >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32)


@compiled
def _add(words, hashes):  # type: ignore[no-untyped-def]
    for n in range(len(hashes)):
        words[_word(hashes[n], len(words))] |= _bits(hashes[n])


@compiled
def _look(words, hashes, found):  # type: ignore[no-untyped-def]
    for n in range(len(hashes)):
        bits = _bits(hashes[n])
        found[n] = words[_word(hashes[n], len(words))] & bits == bits
