"""Events by the key of their id: a ring of the newest, chained from newest to oldest.

A bucket holds the number of its newest event, a slot that of the one before it in its bucket. What
was overwritten has a number that is too old, so nothing is ever taken out of a chain. Buckets grow
in number one by one, each split from the one whose events it takes over (Litwin, "Linear hashing",
VLDB 1980), so that no event waits for all of them.
"""

import numpy as np

from apps.fraud.features.loops.compiling import compiled, inlined


@inlined
def _bucket(key, used):
    # The keys are hashes already.
    width = 1
    while width < used:
        width *= 2
    bucket = np.uint64(key) & np.uint64(width - 1)
    return bucket if bucket < used else bucket & np.uint64((width >> 1) - 1)


@inlined
def _split(used, oldest, room, buckets, slots):
    """Make bucket `used`, of those events of an earlier one that belong there."""
    width = 1
    while width <= used:
        width *= 2
    source = used - (width >> 1)
    number = buckets[source] - 1
    buckets[source], buckets[used] = 0, 0
    stayed, went = np.int64(-1), np.int64(-1)
    while number >= 0 and number >= oldest:
        place = number % room
        before = slots[place, 1] - 1
        slots[place, 1] = 0
        if np.int64(np.uint64(slots[place, 0]) & np.uint64(width - 1)) == used:
            if went < 0:
                buckets[used] = number + 1
            else:
                slots[went, 1] = number + 1
            went = place
        else:
            if stayed < 0:
                buckets[source] = number + 1
            else:
                slots[stayed, 1] = number + 1
            stayed = place
        number = before


@compiled
def enter(ids, first, used, most, room, buckets, slots):
    """Enter events `first`, `first` + 1, … ; slots [room, 2] of id and earlier number + 1.

    Returns how many of the buckets are used: one more for each event, up to `most`.
    """
    for n in range(len(ids)):
        number = first + n
        if used < most:
            _split(used, number - room, room, buckets, slots)
            used += 1
        place, bucket = number % room, _bucket(ids[n], used)
        slots[place, 0] = ids[n]
        slots[place, 1] = buckets[bucket]
        buckets[bucket] = number + 1
    return used


@compiled
def find(ids, count, used, most, room, buckets, slots, out):
    """The number of the newest of the last `most` of `count` events with each id; else −1."""
    for n in range(len(ids)):
        out[n] = -1
        number = buckets[_bucket(ids[n], used)] - 1
        while number >= 0 and number >= count - most:
            if slots[number % room, 0] == ids[n]:
                out[n] = number
                break
            number = slots[number % room, 1] - 1
