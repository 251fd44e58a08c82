"""Events by the key of their id: a ring of the newest, chained from newest to oldest.

A bucket holds the number of its newest event, a slot that of the one before it in its bucket. What
was overwritten has a number that is too old, so nothing is ever taken out of a chain.
"""

import numpy as np

from apps.fraud.features.loops.compiling import compiled, inlined


@inlined
def _bucket(key, buckets):
    # The keys are hashes already.
    return np.uint64(key) & np.uint64(len(buckets) - 1)


@compiled
def enter(ids, first, buckets, slots):
    """Enter events `first`, `first` + 1, … ; slots [room, 2] of id and earlier number + 1."""
    room = len(slots)
    for n in range(len(ids)):
        place, bucket = (first + n) & (room - 1), _bucket(ids[n], buckets)
        slots[place, 0] = ids[n]
        slots[place, 1] = buckets[bucket]
        buckets[bucket] = first + n + 1


@compiled
def find(ids, count, most, buckets, slots, out):
    """The number of the newest of the last `most` of `count` events with each id; else −1."""
    room = len(slots)
    for n in range(len(ids)):
        out[n] = -1
        number = buckets[_bucket(ids[n], buckets)] - 1
        while number >= 0 and number >= count - most:
            if slots[number & (room - 1), 0] == ids[n]:
                out[n] = number
                break
            number = slots[number & (room - 1), 1] - 1
