"""16-bit values to 8 bits."""

import numpy as np
from numpy.typing import NDArray


def scale_to_8_bits(deep: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], int]:
    """Scale 16-bit values to 8 bits: 10-, 12- and 14-bit cameras store their range unscaled.

    The full scale is the smallest of 10, 12, 14 and 16 bits that holds the brightest value; the
    shift is then ``bits - 8`` (for 16 bits: the high byte, as Ultralytics takes it). Values that
    fit into 8 bits are kept. Returns the pixels and the bits in use.
    """
    brightest = int(deep.max(initial=0))
    bits = next(bits for bits in (8, 10, 12, 14, 16) if brightest < 1 << bits)
    out = np.empty(deep.shape, np.uint8)
    rows = max(1, (1 << 22) // max(1, deep[0].size))
    for top in range(0, len(deep), rows):
        out[top : top + rows] = deep[top : top + rows] >> (bits - 8)
    return out, bits
