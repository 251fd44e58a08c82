"""What an event will read of the network, prefetched while earlier events are worked on.

An event reads some sixty places that have nothing to do with those of the one before it, in tables
far larger than any cache, and where the later ones lie is written in the earlier ones. So it is
asked for in three steps, each some events ahead of the next: its own nodes and pairs; their rings;
the neighbours in these. Nothing that is told changes by it.
"""

from apps.fraud.features.layout import PAIR, RECORD, RING, RINGS_AT
from apps.fraud.features.loops.compiling import compiled
from apps.fraud.features.loops.nodes import first_slot, pair_key
from core_kernels.dispatch.prefetching import prefetch

NODES_AHEAD, RINGS_AHEAD, NEIGHBOURS_AHEAD = 12, 8, 4
"""Events between a step and the event itself."""


@compiled
def prefetch_ahead(
    n, payer_kind, others, entities, categories, rows, records, rings, pairs, before
):
    """Take each step for the event that is so far ahead of event `n`."""
    count = rows.shape[1]
    flat = records.reshape(records.size)
    if n + NODES_AHEAD < count:
        _prefetch_nodes(
            n + NODES_AHEAD, payer_kind, others, entities, categories, rows, flat, pairs, before
        )
    if n + RINGS_AHEAD < count:
        _prefetch_rings(n + RINGS_AHEAD, payer_kind, others, rows, records, rings)
    if n + NEIGHBOURS_AHEAD < count:
        _prefetch_neighbours(n + NEIGHBOURS_AHEAD, payer_kind, others, rows, records, flat, rings)


@compiled
def _prefetch_nodes(n, payer_kind, others, entities, categories, rows, flat, pairs, before):
    for kind in range(entities):
        if rows[kind, n] >= 0:
            prefetch(flat, RECORD * rows[kind, n])
    payer = rows[payer_kind, n]
    if payer < 0:
        return
    for x in range(len(others) + categories):
        row = rows[others[x] if x < len(others) else entities + x - len(others), n]
        if row < 0:
            continue
        key = pair_key(payer, row)
        prefetch(pairs.reshape(pairs.size), PAIR * first_slot(key, len(pairs)))
        if len(before) > 1:
            prefetch(before.reshape(before.size), PAIR * first_slot(key, len(before)))


@compiled
def _prefetch_rings(n, payer_kind, others, rows, records, rings):
    payer = rows[payer_kind, n]
    for x in range(len(others)):
        if rows[others[x], n] >= 0:
            prefetch(rings, records[rows[others[x], n], RINGS_AT])
        if payer >= 0:
            prefetch(rings, records[payer, RINGS_AT] + RING * x)


@compiled
def _prefetch_neighbours(n, payer_kind, others, rows, records, flat, rings):
    payer = rows[payer_kind, n]
    for x in range(len(others)):
        if rows[others[x], n] >= 0:
            _prefetch_ring(records[rows[others[x], n], RINGS_AT], flat, rings)
        if payer >= 0:
            _prefetch_ring(records[payer, RINGS_AT] + RING * x, flat, rings)


@compiled
def _prefetch_ring(start, flat, rings):
    for place in range(start, start + RING):
        if rings[place] == 0:
            return
        prefetch(flat, RECORD * (rings[place] - 1))
