"""Pairs of which no event is in a log any more are taken out of their table, some with every batch.

So a table holds hardly more than what is alive and stays as it is; moving it into a fresh one,
which takes three of them for a while, is left for when more is alive than it has room for.
"""

import numpy as np

from core_kernels.compiling import inlined, lean, prefetch
from core_kernels.cpu_ops.window_hash import pair_home
from core_kernels.structures.windows import PAIRS, TAIL

#: Slots ahead of which a head row is asked for.
_AHEAD = 12


@inlined
def _take_out(pairs, hole):
    """Empty a slot; what was found by passing it moves up (Knuth, 6.4, algorithm R)."""
    mask = len(pairs) - 1
    at = hole
    while True:
        at = (at + 1) & mask
        if pairs[at, 0] == 0:
            break
        home = np.int64(pair_home(len(pairs), pairs[at, 0] - 1, pairs[at, 1]))
        if ((at - home) & mask) >= ((at - hole) & mask):
            for field in range(3):
                pairs[hole, field] = pairs[at, field]
            hole = at
    for field in range(3):
        pairs[hole, field] = 0


@lean
def forget(pairs, start, slots, heads, stride, counters):
    """Take out of so many slots what has left the logs; returns the slot to go on from."""
    mask = len(pairs) - 1
    slot = start & mask
    for _ in range(min(slots, len(pairs))):
        prefetch(heads, (pairs[(slot + _AHEAD) & mask, 0] - 1) * stride + TAIL)
        while pairs[slot, 0] != 0 and pairs[slot, 2] < heads[(pairs[slot, 0] - 1) * stride + TAIL]:
            _take_out(pairs, slot)
            counters[PAIRS] -= 1
        slot = (slot + 1) & mask
    return slot
