"""The segments of a transaction: values of its attributes, all of them together, its behaviour."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.fraud.features.hashing import combined
from apps.fraud.features.layout import SEGMENTS

Array = NDArray[np.int64]
PARTS = 4
"""Parts of a day."""


def behaviour(amounts: Array, hours: Array) -> Array:
    """[n] the octave of the amount and the quarter of the day, as one number."""
    octave = np.frexp(np.abs(amounts).astype(np.float64))[1].astype(np.int64)
    bucket: Array = octave * PARTS + hours // (24 // PARTS)
    return bucket


def buckets(values: Sequence[Array], amounts: Array, hours: Array) -> list[Array]:
    """The bucket of each category attribute's value, of all together, and of the behaviour.

    Args:
        values: of each attribute, [n] keys of its values; 0 where it has none.
        amounts, hours: [n] minor units and local hours.
    """
    together = combined(*values) if values else np.zeros(len(amounts), np.int64)
    return [key & (SEGMENTS - 1) for key in (*values, together)] + [behaviour(amounts, hours)]
