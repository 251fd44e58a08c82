"""Finding an entity's head row, and the newest event of an entity with another id.

Open addressing with linear probing in arrays that are never more than half full.
"""

import numpy as np

from core_kernels.compiling import compiled, inlined
from core_kernels.structures.windows import (
    BASE,
    ENTITIES,
    ENTRY,
    HEAD,
    KEY,
    OTHER,
    ROOM,
    TAG,
    TAIL,
)


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


@compiled
def refill(hashed, heads, stride, count):
    """Enter all entities in an empty hash."""
    for row in range(count):
        slot = _slot(hashed, heads[row * stride + KEY])
        hashed[slot, 0] = heads[row * stride + KEY]
        hashed[slot, 1] = row + 1


@compiled
def rows_of(keys, rows, hashed, heads, stride, counters, create):
    """The head row of each key; new entities get one if `create`, else −1."""
    for n in range(len(keys)):
        slot = _slot(hashed, keys[n])
        if hashed[slot, 1] == 0:
            if not create:
                rows[n] = -1
                continue
            row = counters[ENTITIES]
            counters[ENTITIES] += 1
            hashed[slot, 0] = keys[n]
            hashed[slot, 1] = row + 1
            heads[row * stride + KEY] = keys[n]
        rows[n] = hashed[slot, 1] - 1


@inlined
def pair(pairs, row, other):
    """Where the pair of an entity and another id is, or the empty slot where it belongs."""
    mask = np.uint64(len(pairs) - 1)
    slot = _mixed(_mixed(other) ^ np.uint64(row)) & mask
    while pairs[slot, 0] != 0 and (pairs[slot, 0] != row + 1 or pairs[slot, 1] != other):
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def live_pairs(pairs, heads, stride, arena, counters, write):
    """Count the pairs that are still in a log, and enter them in empty `pairs` if `write`."""
    found = 0
    for row in range(counters[ENTITIES]):
        h = row * stride
        for position in range(heads[h + TAIL], heads[h + HEAD]):
            entry = ENTRY * (heads[h + BASE] + (position & (heads[h + ROOM] - 1)))
            if arena[entry + TAG] & 4:
                continue
            found += 1
            if write:
                slot = pair(pairs, row, arena[entry + OTHER])
                pairs[slot, 0] = row + 1
                pairs[slot, 1] = arena[entry + OTHER]
                pairs[slot, 2] = position
    return found
