"""Pairs that have not met for long are taken out of their table, some slots with every batch.

So a table holds hardly more than what still counts, and moves into a larger one only where more
counts than it has room for.
"""

import numpy as np

from apps.fraud.features.layout import PAIRS
from apps.fraud.features.loops.compiling import compiled, inlined
from apps.fraud.features.loops.nodes import first_slot


@inlined
def _take_out(pairs, hole):
    """Empty a slot; what was found by passing it moves up (Knuth, 6.4, algorithm R)."""
    mask = len(pairs) - 1
    at = hole
    while True:
        at = (at + 1) & mask
        if pairs[at, 0] == 0:
            break
        home = np.int64(first_slot(pairs[at, 0], len(pairs)))
        if ((at - home) & mask) >= ((at - hole) & mask):
            for field in range(3):
                pairs[hole, field] = pairs[at, field]
            hole = at
    for field in range(3):
        pairs[hole, field] = 0


@compiled
def forget(pairs, start, slots, oldest, counters):
    """Take out of so many slots what has not met after `oldest`; returns the slot to go on from."""
    mask = len(pairs) - 1
    slot = start & mask
    for _ in range(min(slots, len(pairs))):
        while pairs[slot, 0] != 0 and pairs[slot, 2] <= oldest:
            _take_out(pairs, slot)
            counters[PAIRS] -= 1
        slot = (slot + 1) & mask
    return slot
