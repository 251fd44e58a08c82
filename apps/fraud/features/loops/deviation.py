"""Standard deviations from integer sums, in 128 bits up to the last step."""

import numpy as np

from apps.fraud.features.loops.compiling import compiled, inlined

_MASK = np.uint64(0xFFFFFFFF)


@inlined
def _product(one, other):
    """(high, low) of the product of two numbers of 64 bits without sign."""
    a, b = one >> np.uint64(32), one & _MASK
    c, d = other >> np.uint64(32), other & _MASK
    low, first, second = b * d, a * d, b * c
    middle = (low >> np.uint64(32)) + (first & _MASK) + (second & _MASK)
    high = a * c + (first >> np.uint64(32)) + (second >> np.uint64(32)) + (middle >> np.uint64(32))
    return high, (low & _MASK) | (middle << np.uint64(32))


@compiled
def deviations(counts, sums, highs, lows, out):
    """out = sqrt(n · Q − S²) / n, with Q = high · 2⁴⁰ + low; 0 where n is 0.

    n · Q − S² is exact in 128 bits; it becomes float64 as its high word · 2⁶⁴ + its low word.
    """
    for row in range(len(counts)):
        n = counts[row]
        if n == 0:
            out[row] = 0.0
            continue
        count, high = np.uint64(n), np.uint64(highs[row])
        top, rest = _product(count, high)
        top = (top << np.uint64(40)) | (rest >> np.uint64(24))
        rest = rest << np.uint64(40)
        more, less = _product(count, np.uint64(lows[row]))
        rest += less
        top += more + np.uint64(1 if rest < less else 0)
        size = np.uint64(abs(sums[row]))
        square_top, square = _product(size, size)
        left = top - square_top - np.uint64(1 if rest < square else 0)
        right = rest - square
        out[row] = np.sqrt(np.float64(left) * 18446744073709551616.0 + np.float64(right)) / n
