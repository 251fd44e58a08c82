"""Finding nodes and pairs: open addressing with linear probing, never more than two thirds full.

A table that becomes too small moves into another one slot by slot, some with every batch, so that
no batch waits for all of it; what is asked for meanwhile moves at once.
"""

import numpy as np

from apps.fraud.features.layout import KEY, NODES, PAIRS, RECORD, RINGS, RINGS_AT
from apps.fraud.features.loops.compiling import compiled, inlined
from core_kernels.dispatch.prefetching import prefetch

_ODD = np.uint64(0x9E3779B97F4A7C15)
_SLOT_AHEAD, _NODE_AHEAD = 24, 12
"""Keys ahead of which a slot, and then what it tells of, is asked for."""


@inlined
def typed(key, kind):
    """An identifier's key, apart for each kind of node."""
    return np.int64(np.uint64(key) ^ (np.uint64(kind + 1) * _ODD))


@inlined
def first_slot(key, slots):
    """Where a table of so many slots is first looked at for a key."""
    mixed = np.uint64(key) * _ODD
    return (mixed ^ (mixed >> np.uint64(32))) & np.uint64(slots - 1)


@inlined
def _node(key, records, hashed):
    mask = np.uint64(len(hashed) - 1)
    slot = first_slot(key, len(hashed))
    while hashed[slot] != 0 and records[hashed[slot] - 1, KEY] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def node(key, records, hashed, before):
    """The slot of a node's row + 1, or the empty one where it belongs.

    A node that is still in `before` moves into `hashed` first.
    """
    slot = _node(key, records, hashed)
    if hashed[slot] == 0 and len(before) > 1:
        hashed[slot] = before[_node(key, records, before)]
    return slot


@compiled
def move_nodes(start, stop, records, hashed, before):
    """Move slots of the smaller hash."""
    for old in range(start, stop):
        if before[old] != 0:
            hashed[_node(records[before[old] - 1, KEY], records, hashed)] = before[old]


@compiled
def rehash(count, records, hashed):
    """Enter all nodes in an empty hash."""
    for row in range(count):
        hashed[_node(records[row, KEY], records, hashed)] = row + 1


@compiled
def rows_of(keys, kind, missing, records, hashed, before, counters, rings, create, out):
    """The row of each key; −1 for keys that are `missing`, and for unknown ones unless `create`.

    A new node gets `rings` numbers of rings.
    """
    flat = records.reshape(records.size)
    for n in range(len(keys)):
        if n + _SLOT_AHEAD < len(keys):
            prefetch(hashed, first_slot(typed(keys[n + _SLOT_AHEAD], kind), len(hashed)))
        if n + _NODE_AHEAD < len(keys):
            slot = first_slot(typed(keys[n + _NODE_AHEAD], kind), len(hashed))
            prefetch(flat, RECORD * (hashed[slot] - 1))
        if keys[n] == missing:
            out[n] = -1
            continue
        key = typed(keys[n], kind)
        slot = node(key, records, hashed, before)
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


@inlined
def _pair(key, pairs):
    mask = np.uint64(len(pairs) - 1)
    slot = first_slot(key, len(pairs))
    while pairs[slot, 0] != 0 and pairs[slot, 0] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def pair(key, pairs, before, counters):
    """The slot of a pair, or the empty one where it belongs.

    One that is still in `before` moves into `pairs` first.
    """
    slot = _pair(key, pairs)
    if pairs[slot, 0] == 0 and len(before) > 1:
        old = _pair(key, before)
        if before[old, 0] != 0:
            for field in range(3):
                pairs[slot, field] = before[old, field]
            counters[PAIRS] += 1
    return slot


@compiled
def living(pairs, stop, oldest):
    """How many pairs of the first slots met after `oldest`."""
    found = 0
    for slot in range(stop):
        if pairs[slot, 0] != 0 and pairs[slot, 2] > oldest:
            found += 1
    return found


@compiled
def move_pairs(start, stop, oldest, before, pairs, counters):
    """Move slots of `before`; pairs that have not met after `oldest` are forgotten."""
    for old in range(start, stop):
        if before[old, 0] == 0 or before[old, 2] <= oldest:
            continue
        slot = _pair(before[old, 0], pairs)
        if pairs[slot, 0] == 0:
            for field in range(3):
                pairs[slot, field] = before[old, field]
            counters[PAIRS] += 1
