"""Standard deviations from integer sums, in 128 bits up to the last step."""

import numpy as np

from apps.fraud.features.loops.compiling import inlined

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


@inlined
def deviation(n, total, squares, rest_of_squares):
    """sqrt(n · Q − S²) / n, S = total, Q = squares · 2⁴⁰ + rest_of_squares; 0 where n is 0.

    n · Q − S² is exact in 128 bits; it becomes float64 as its high word · 2⁶⁴ + its low word.
    """
    if n == 0:
        return 0.0
    count = np.uint64(n)
    top, rest = _product(count, np.uint64(squares))
    top = (top << np.uint64(40)) | (rest >> np.uint64(24))
    rest = rest << np.uint64(40)
    more, less = _product(count, np.uint64(rest_of_squares))
    rest += less
    top += more + np.uint64(1 if rest < less else 0)
    size = np.uint64(abs(total))
    square_top, square = _product(size, size)
    left = top - square_top - np.uint64(1 if rest < square else 0)
    right = rest - square
    return np.sqrt(np.float64(left) * 18446744073709551616.0 + np.float64(right)) / n
