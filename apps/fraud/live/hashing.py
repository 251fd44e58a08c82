"""SipHash-2-4 of whole columns (Aumasson and Bernstein, 2012), with a key of one's own.

Senders choose identifiers; with a secret key nobody can choose two that collide. A text is hashed
as its UTF-32 bytes without the padding of its column, so the width of a column does not matter.
"""

import secrets

import numpy as np
from numpy.typing import NDArray

from apps.fraud.live.compiled import compiled, inlined
from loupe.contract.runtime.errors import InputRefused

Hashes = NDArray[np.uint64]
Key = tuple[int, int]


def new_key() -> Key:
    """A secret of 128 bits."""
    return secrets.randbits(64), secrets.randbits(64)


def identities(words: NDArray[np.generic], key: Key) -> tuple[Hashes, Hashes]:
    """128 bits of each text, as two columns."""
    codes = code_points(words)
    high, low = np.empty(len(codes), np.uint64), np.empty(len(codes), np.uint64)
    _identities(codes, np.uint64(key[0]), np.uint64(key[1]), high, low)
    return high, low


def chained(before: Hashes, column: NDArray[np.generic], key: Key) -> Hashes:
    """64 bits of each row's earlier hash and of its value in `column`: text, integers, floats."""
    if column.dtype.kind == "U":
        codes = code_points(column)
    else:
        wide = np.float64 if column.dtype.kind == "f" else np.int64
        codes = np.ascontiguousarray(column, wide).view(np.uint32).reshape(len(column), 2)
    after = np.empty(len(codes), np.uint64)
    _chained(codes, before, np.uint64(key[0]), np.uint64(key[1]), column.dtype.kind == "U", after)
    return after


def code_points(words: NDArray[np.generic]) -> NDArray[np.uint32]:
    """[n, width] code points of a column of text, zeros behind each.

    Raises:
        InputRefused: it is not text.
    """
    if words.dtype.kind != "U":
        raise InputRefused(
            f"A column of {words.dtype} came where text belongs; send unicode text.",
            code="column_type",
        )
    if not words.dtype.isnative:
        words = words.astype(words.dtype.newbyteorder("="))
    width = words.dtype.itemsize // 4
    if not width:
        return np.zeros((len(words), 1), np.uint32)
    return np.ascontiguousarray(words).view(np.uint32).reshape(len(words), width)


@inlined
def _rotated(value, bits):  # type: ignore[no-untyped-def]
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@inlined
def _round(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    v0 += v1
    v1 = _rotated(v1, 13) ^ v0
    v0 = _rotated(v0, 32)
    v2 += v3
    v3 = _rotated(v3, 16) ^ v2
    v0 += v3
    v3 = _rotated(v3, 21) ^ v0
    v2 += v1
    v1 = _rotated(v1, 17) ^ v2
    v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


@inlined
def _taken(v0, v1, v2, v3, word):  # type: ignore[no-untyped-def]
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@inlined
def _finished(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0, v1, v2, v3


@inlined
def _started(k0, k1):  # type: ignore[no-untyped-def]
    return (
        k0 ^ np.uint64(0x736F6D6570736575),
        k1 ^ np.uint64(0x646F72616E646F6D),
        k0 ^ np.uint64(0x6C7967656E657261),
        k1 ^ np.uint64(0x7465646279746573),
    )


@inlined
def _row(v0, v1, v2, v3, codes, n, size, before):  # type: ignore[no-untyped-def]
    """All of one row's code points, and the closing word; `before` bytes came already."""
    for at in range(0, size - 1, 2):
        word = np.uint64(codes[n, at]) | (np.uint64(codes[n, at + 1]) << np.uint64(32))
        v0, v1, v2, v3 = _taken(v0, v1, v2, v3, word)
    last = np.uint64((size * 4 + before) & 0xFF) << np.uint64(56)
    if size % 2:
        last |= np.uint64(codes[n, size - 1])
    return _taken(v0, v1, v2, v3, last)


@compiled
def _identities(codes, k0, k1, high, low):  # type: ignore[no-untyped-def]
    """SipHash-2-4 with 128 bits: the variant of its reference code."""
    for n in range(codes.shape[0]):
        size = codes.shape[1]
        while size and codes[n, size - 1] == 0:
            size -= 1
        v0, v1, v2, v3 = _started(k0, k1)
        v1 ^= np.uint64(0xEE)
        v0, v1, v2, v3 = _row(v0, v1, v2, v3, codes, n, size, 0)
        v2 ^= np.uint64(0xEE)
        v0, v1, v2, v3 = _finished(v0, v1, v2, v3)
        high[n] = v0 ^ v1 ^ v2 ^ v3
        v1 ^= np.uint64(0xDD)
        v0, v1, v2, v3 = _finished(v0, v1, v2, v3)
        low[n] = v0 ^ v1 ^ v2 ^ v3


@compiled
def _chained(codes, before, k0, k1, text, after):  # type: ignore[no-untyped-def]
    for n in range(codes.shape[0]):
        size = codes.shape[1]
        while text and size and codes[n, size - 1] == 0:
            size -= 1
        v0, v1, v2, v3 = _started(k0, k1)
        v0, v1, v2, v3 = _taken(v0, v1, v2, v3, before[n])
        v0, v1, v2, v3 = _row(v0, v1, v2, v3, codes, n, size, 8)
        v2 ^= np.uint64(0xFF)
        v0, v1, v2, v3 = _finished(v0, v1, v2, v3)
        after[n] = v0 ^ v1 ^ v2 ^ v3
