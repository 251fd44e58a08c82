"""Finding nodes and pairs: open addressing with linear probing, never more than two thirds full."""

import numpy as np

from apps.fraud.features.layout import KEY, NODES, PAIRS, RINGS, RINGS_AT
from apps.fraud.features.loops.compiling import compiled, inlined

_ODD = np.uint64(0x9E3779B97F4A7C15)


@inlined
def typed(key, kind):
    """An identifier's key, apart for each kind of node."""
    return np.int64(np.uint64(key) ^ (np.uint64(kind + 1) * _ODD))


@inlined
def _start(key, slots):
    mixed = np.uint64(key) * _ODD
    return (mixed ^ (mixed >> np.uint64(32))) & np.uint64(slots - 1)


@compiled
def node(key, records, hashed):
    """The slot of a node's row + 1, or the empty one where it belongs."""
    mask = np.uint64(len(hashed) - 1)
    slot = _start(key, len(hashed))
    while hashed[slot] != 0 and records[hashed[slot] - 1, KEY] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def rehash(count, records, hashed):
    """Enter all nodes in an empty hash."""
    for row in range(count):
        hashed[node(records[row, KEY], records, hashed)] = row + 1


@compiled
def rows_of(keys, kind, missing, records, hashed, counters, rings, create, out):
    """The row of each key; −1 for keys that are `missing`, and for unknown ones unless `create`.

    A new node gets `rings` numbers of rings.
    """
    for n in range(len(keys)):
        if keys[n] == missing:
            out[n] = -1
            continue
        key = typed(keys[n], kind)
        slot = node(key, records, hashed)
        if hashed[slot] == 0:
            if not create:
                out[n] = -1
                continue
            row = counters[NODES]
            counters[NODES] += 1
            hashed[slot] = row + 1
            records[row, KEY] = key
            records[row, RINGS_AT] = counters[RINGS]
            counters[RINGS] += rings
        out[n] = hashed[slot] - 1


@inlined
def pair_key(one, other):
    """Of two rows, in this order; never 0."""
    return (np.int64(one + 1) << 32) | np.int64(other)


@compiled
def pair(key, pairs):
    """The slot of a pair, or the empty one where it belongs."""
    mask = np.uint64(len(pairs) - 1)
    slot = _start(key, len(pairs))
    while pairs[slot, 0] != 0 and pairs[slot, 0] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def living(pairs, oldest):
    """How many pairs met after `oldest`."""
    found = 0
    for slot in range(len(pairs)):
        if pairs[slot, 0] != 0 and pairs[slot, 2] > oldest:
            found += 1
    return found


@compiled
def keep(pairs, oldest, kept, counters):
    """Enter the pairs that met after `oldest` in the empty table `kept`."""
    counters[PAIRS] = 0
    for slot in range(len(pairs)):
        if pairs[slot, 0] != 0 and pairs[slot, 2] > oldest:
            kept[pair(pairs[slot, 0], kept)] = pairs[slot]
            counters[PAIRS] += 1
