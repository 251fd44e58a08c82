"""Finding an entity's head row, and the newest event of an entity with another id.

Open addressing with linear probing in arrays that are never more than half full. A table that
becomes too small is moved into a larger one slot by slot, with every batch some, so that no batch
waits for all of it; what is asked for meanwhile moves at once.
"""

import numpy as np

from core_kernels.compiling import inlined, lean, prefetch
from core_kernels.structures.windows import (
    BASE,
    ENTITIES,
    ENTRY,
    FREED,
    HEAD,
    IDLE_FREE,
    KEY,
    KEYS,
    LAST,
    NEVER,
    OTHER,
    PAIRS,
    ROOM,
    ROW_FREE,
    TAG,
    TAIL,
)

#: How many keys ahead their slots are asked for: a slot of a large hash takes a hundred nanoseconds
#: to come, in which some ten others can be on their way.
_AHEAD = 12


@inlined
def _mixed(key):
    """splitmix64's finaliser (Steele, Lea and Flood, 2014): neighbouring ids land far apart."""
    value = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@inlined
def _slot(hashed, key):
    """Where `key` is in the hash, or the empty slot where it belongs."""
    mask = np.uint64(len(hashed) - 1)
    slot = _mixed(key) & mask
    while hashed[slot, 1] != 0 and hashed[slot, 0] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@inlined
def ask(flat, slots, key):
    """Ask for the memory where `key` is, in a hash of so many slots that lies in `flat`."""
    prefetch(flat, np.int64(np.uint64(2) * (_mixed(key) & np.uint64(slots - 1))))


@inlined
def found(hashed, before, key):
    """The slot of `key` in `hashed`; one that is still in `before` moves there first."""
    slot = _slot(hashed, key)
    if hashed[slot, 1] == 0 and len(before) > 1:
        old = _slot(before, key)
        if before[old, 1] != 0:
            hashed[slot, 0] = before[old, 0]
            hashed[slot, 1] = before[old, 1]
    return slot


@lean
def refill(hashed, heads, stride, count, idle_keys):
    """Enter all entities in an empty hash, idle ones by their places."""
    entered = 0
    for row in range(count):
        if heads[row * stride + LAST] == FREED:
            continue
        slot = _slot(hashed, heads[row * stride + KEY])
        hashed[slot, 0] = heads[row * stride + KEY]
        hashed[slot, 1] = row + 1
        entered += 1
    for place in range(len(idle_keys)):
        slot = _slot(hashed, idle_keys[place])
        hashed[slot, 0] = idle_keys[place]
        hashed[slot, 1] = -1 - place
        entered += 1
    return entered


@lean
def move_keys(hashed, before, start, stop):
    """Move slots of the smaller hash, but for keys that are in the larger one already."""
    for old in range(start, stop):
        if before[old, 1] != 0:
            slot = _slot(hashed, before[old, 0])
            if hashed[slot, 1] == 0:
                hashed[slot, 0] = before[old, 0]
                hashed[slot, 1] = before[old, 1]


@inlined
def _row(key, last, heads, stride, counters):
    """A head row for an entity: a free one, whose positions go on from where they were."""
    row = counters[ROW_FREE]
    if row >= 0:
        counters[ROW_FREE] = heads[row * stride + BASE]
        heads[row * stride + BASE] = 0
    else:
        row = counters[ENTITIES]
        counters[ENTITIES] += 1
    heads[row * stride + KEY] = key
    heads[row * stride + LAST] = last
    return row


@lean
def rows_of(keys, rows, hashed, before, heads, idle, stride, counters, create):
    """The head row of each key; new and idle entities get one if `create`, else −1."""
    flat, flat_before = hashed.reshape(hashed.size), before.reshape(before.size)
    for n in range(len(keys)):
        if n + _AHEAD < len(keys):
            ask(flat, len(hashed), keys[n + _AHEAD])
            if len(before) > 1:
                ask(flat_before, len(before), keys[n + _AHEAD])
        slot = found(hashed, before, keys[n])
        told = hashed[slot, 1]
        if told > 0:
            rows[n] = told - 1
            continue
        if not create:
            rows[n] = -1
            continue
        last = np.int64(NEVER)
        if told == 0:
            counters[KEYS] += 1
        else:
            place = -1 - told
            last = idle[place]
            idle[place] = counters[IDLE_FREE]
            counters[IDLE_FREE] = place
        rows[n] = _row(keys[n], last, heads, stride, counters)
        hashed[slot, 0] = keys[n]
        hashed[slot, 1] = rows[n] + 1


@inlined
def pair(pairs, before, row, other, counters):
    """Where the pair of an entity and another id is, or the empty slot where it belongs.

    One that is still in `before` moves into `pairs` first.
    """
    slot = _pair_slot(pairs, row, other)
    if pairs[slot, 0] == 0 and len(before) > 1:
        old = _pair_slot(before, row, other)
        if before[old, 0] != 0:
            for field in range(3):
                pairs[slot, field] = before[old, field]
            counters[PAIRS] += 1
    return slot


@inlined
def pair_home(slots, row, other):
    """Where a pair is looked for first, in a table of so many slots."""
    return _mixed(_mixed(other) ^ np.uint64(row)) & np.uint64(slots - 1)


@inlined
def _pair_slot(pairs, row, other):
    mask = np.uint64(len(pairs) - 1)
    slot = pair_home(len(pairs), row, other)
    while pairs[slot, 0] != 0 and (pairs[slot, 0] != row + 1 or pairs[slot, 1] != other):
        slot = (slot + np.uint64(1)) & mask
    return slot


@lean
def move_pairs(pairs, before, start, stop, heads, stride, counters):
    """Move slots of the pairs before; those of which no event is in a log are forgotten."""
    for old in range(start, stop):
        if before[old, 0] == 0:
            continue
        row = before[old, 0] - 1
        if before[old, 2] < heads[row * stride + TAIL]:
            continue
        slot = _pair_slot(pairs, row, before[old, 1])
        if pairs[slot, 0] == 0:
            for field in range(3):
                pairs[slot, field] = before[old, field]
            counters[PAIRS] += 1


@lean
def living(pairs, start, stop, heads, stride):
    """How many pairs of these slots have an event in a log."""
    found = 0
    for slot in range(start, stop):
        if pairs[slot, 0] != 0 and pairs[slot, 2] >= heads[(pairs[slot, 0] - 1) * stride + TAIL]:
            found += 1
    return found


@lean
def enter_pairs(pairs, heads, stride, arena, counters):
    """Enter the pairs of all logs in empty `pairs`; returns how many."""
    found = 0
    for row in range(counters[ENTITIES]):
        h = row * stride
        for position in range(heads[h + TAIL], heads[h + HEAD]):
            entry = ENTRY * (heads[h + BASE] + (position & (heads[h + ROOM] - 1)))
            if arena[entry + TAG] & 4:
                continue
            found += 1
            slot = _pair_slot(pairs, row, arena[entry + OTHER])
            pairs[slot, 0] = row + 1
            pairs[slot, 1] = arena[entry + OTHER]
            pairs[slot, 2] = position
    return found
