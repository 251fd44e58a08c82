"""SipHash-2-4 (Aumasson and Bernstein, 2012) of the code points of each row of a matrix."""

import numpy as np

from apps.fraud.features.loops.compiling import compiled, inlined


@inlined
def _left(value, count):
    return (value << np.uint64(count)) | (value >> np.uint64(64 - count))


@inlined
def _round(v0, v1, v2, v3):
    v0 += v1
    v1 = _left(v1, 13) ^ v0
    v0 = _left(v0, 32)
    v2 += v3
    v3 = _left(v3, 16) ^ v2
    v0 += v3
    v3 = _left(v3, 21) ^ v0
    v2 += v1
    v1 = _left(v1, 17) ^ v2
    v2 = _left(v2, 32)
    return v0, v1, v2, v3


@inlined
def _absorb(v0, v1, v2, v3, word):
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@inlined
def _hash(points, length, k0, k1):
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    for at in range(0, length - 1, 2):
        word = np.uint64(points[at]) | (np.uint64(points[at + 1]) << np.uint64(32))
        v0, v1, v2, v3 = _absorb(v0, v1, v2, v3, word)
    last = np.uint64((4 * length) & 0xFF) << np.uint64(56)
    if length & 1:
        last |= np.uint64(points[length - 1])
    v0, v1, v2, v3 = _absorb(v0, v1, v2, v3, last)
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    value = np.int64(v0 ^ v1 ^ v2 ^ v3)
    return value if value != 0 else 1  # 0 means that nothing is there


@compiled
def hashed(points, k0, k1, out):
    """Fill out [n] with the hash of each row of points [n, width], zeros at its end left out.

    A row is the message of its code points as 32-bit little-endian numbers; an empty one is 0.
    """
    for row in range(len(points)):
        length = points.shape[1]
        while length > 0 and points[row, length - 1] == 0:
            length -= 1
        out[row] = _hash(points[row], length, k0, k1) if length > 0 else 0


@compiled
def hashed_numbers(numbers, k0, k1, out):
    """Fill out [n] with the hash of each number's decimal digits, as if it had come as text."""
    digits = np.empty(20, np.uint32)
    text = np.empty(20, np.uint32)
    for row in range(len(numbers)):
        number, count, length = numbers[row], 0, 0
        if number < 0:
            text[0] = 45
            length = 1
        rest = np.uint64(number if number >= 0 else -number)
        while True:
            digits[count] = np.uint32(48) + np.uint32(rest % np.uint64(10))
            rest //= np.uint64(10)
            count += 1
            if rest == 0:
                break
        for at in range(count):
            text[length + at] = digits[count - 1 - at]
        out[row] = _hash(text, length + count, k0, k1)
