"""Events one by one: what the network says about each, then what each adds to it."""

import numpy as np

from apps.fraud.features.layout import (
    ALL_FRAUDS,
    ALL_LABELLED,
    AROUND,
    CYCLES,
    DEGREE,
    DEGREE_OF,
    EVENTS,
    FRAUDS,
    HALVED,
    HISTORY,
    HOP,
    KEY,
    KIN,
    LABELLED,
    LAST,
    MET,
    MET_SINCE,
    ONCE,
    OWN,
    PAIRS,
    PER_NODE,
    PER_OTHER,
    RECEIVED,
    RETURNED,
    RING,
    RINGS_AT,
    SUM,
    TOLD_FRAUDS,
    TOLD_LABELLED,
)
from apps.fraud.features.loops.compiling import compiled
from apps.fraud.features.loops.labels import push, settle
from apps.fraud.features.loops.neighbours import group, touch, weight
from apps.fraud.features.loops.nodes import node, pair, pair_key, typed
from apps.fraud.features.loops.prefetching import prefetch_ahead


@compiled
def _around(n, payer, rows, others, caps, related, walk, records, rings, out, base):
    """The neighbourhood of the event: its entities' other payers, the payer's other entities."""
    own = records[payer, RINGS_AT] if payer >= 0 else 0
    for x in range(len(others)):
        row, at = rows[others[x], n], base + PER_OTHER * x
        if row >= 0:
            out[at + DEGREE_OF, n] = records[row, DEGREE]
            group(records[row, RINGS_AT], RING, payer, records, rings, out, at + AROUND, n)
        if payer < 0 or not walk:
            continue
        start = own + RING * x
        group(start, RING, row, records, rings, out, at + OWN, n)
        if not related[x]:
            continue
        taken = 0
        for place in range(start, start + RING):
            through = rings[place] - 1
            if through < 0 or taken == HOP:
                break
            if through == row or records[through, DEGREE] > caps[x]:
                continue
            taken += 1
            group(records[through, RINGS_AT], HOP, payer, records, rings, out, at + KIN, n)


@compiled
def _motifs(
    n, now, span, payer_kind, payee_kind, payee_ring, back, paid, records, hashed, hashed_before,
    rings, pairs, pairs_before, counters, out,
):  # fmt: skip
    """Money that comes back: `back` is the payee as a payer, `paid` the payer as a payee."""
    if paid < 0:
        return
    if records[paid, EVENTS] > 0:
        out[RECEIVED, n] = now - records[paid, LAST]
    if back < 0:
        return
    slot = pair(pair_key(back, paid), pairs, pairs_before, counters)
    if pairs[slot, 0] != 0 and now - pairs[slot, 2] < span:
        out[RETURNED, n] = now - pairs[slot, 2]
    start = records[back, RINGS_AT] + RING * payee_ring
    for place in range(start, start + RING):
        between = rings[place] - 1
        if between < 0:
            break
        if between == paid:
            continue
        key = typed(typed(records[between, KEY], payee_kind), payer_kind)
        third = np.int64(hashed[node(key, records, hashed, hashed_before)]) - 1
        if third < 0:
            continue
        slot = pair(pair_key(third, paid), pairs, pairs_before, counters)
        if pairs[slot, 0] != 0 and now - pairs[slot, 2] < span:
            out[CYCLES, n] += 1


@compiled
def _meet(key, now, span, pairs, before, counters):
    """Enter a meeting; tells whether it is the first within `span`."""
    slot = pair(key, pairs, before, counters)
    if pairs[slot, 0] == 0:
        counters[PAIRS] += 1
        pairs[slot, 0] = key
        pairs[slot, 1] = 0
    elif now - pairs[slot, 2] >= span:
        pairs[slot, 1] = 0
    pairs[slot, 1] += 1
    pairs[slot, 2] = now
    return pairs[slot, 1] == 1


@compiled
def _count(row, now, amount, records):
    """Enter an event at one of its nodes."""
    records[row, EVENTS] += 1
    records[row, SUM] += amount
    records[row, LAST] = now
    if records[row, EVENTS] >= HALVED and weight(records[row, EVENTS]) == HALVED // 2:
        records[row, SUM] >>= 1


@compiled
def feed(
    first, most, clock, amounts, labels, known, rows, cross, payer_kind, payee_kind, payee_ring,
    others, caps, related, entities, categories, span, walk, records, hashed, hashed_before, rings,
    pairs, pairs_before, heap, counters, kept, room, out,
):  # fmt: skip
    """Work on events in the order of their clock and fill `out`, which is zeros before.

    Args:
        first: number of the first event; `most` are remembered.
        rows: [nodes, n] the rows of each event's entities, then of its segments; −1 for none.
        cross: [2, n] the payee as a payer and the payer as a payee; −1 for none.
        others: kinds of entity but the payer, with their `caps` and whether payers are `related`
            by sharing one.
        categories: how many of the segments are values of category attributes; they come first.
        span: ms after which two that met are new to each other.
        walk: whether to look beyond the event's own entities as well.
        kept: [room, …] rows of remembered events; that of event n lies in row n mod `room`.
        out: [answers, n]; see `layout`.
    """
    nodes = len(rows)
    base = ONCE + PER_NODE * nodes
    last = base + PER_OTHER * len(others)
    for n in range(len(clock)):
        prefetch_ahead(
            n, payer_kind, others, entities, categories, rows, records, rings, pairs, pairs_before
        )
        now, payer = clock[n], rows[payer_kind, n]
        settle(now, first + n - most, heap, counters, kept, room, nodes, records)
        out[TOLD_LABELLED, n] = counters[ALL_LABELLED]
        out[TOLD_FRAUDS, n] = counters[ALL_FRAUDS]
        out[HISTORY, n] = records[payer, EVENTS] if payer >= 0 else 0
        out[RETURNED, n] = -1
        out[RECEIVED, n] = -1
        for kind in range(nodes):
            row = rows[kind, n]
            if row >= 0:
                out[ONCE + PER_NODE * kind, n] = records[row, LABELLED]
                out[ONCE + PER_NODE * kind + 1, n] = records[row, FRAUDS]
        _around(n, payer, rows, others, caps, related, walk, records, rings, out, base)
        if payee_kind >= 0:
            _motifs(
                n, now, span, payer_kind, payee_kind, payee_ring, cross[0, n], cross[1, n],
                records, hashed, hashed_before, rings, pairs, pairs_before, counters, out,
            )  # fmt: skip
        for x in range(len(others)):
            row, at = rows[others[x], n], base + PER_OTHER * x
            out[at + MET_SINCE, n] = -1
            if row < 0 or payer < 0:
                continue
            key = pair_key(payer, row)
            slot = pair(key, pairs, pairs_before, counters)
            if pairs[slot, 0] != 0 and now - pairs[slot, 2] < span:
                out[at + MET, n] = pairs[slot, 1]
                out[at + MET_SINCE, n] = now - pairs[slot, 2]
            if _meet(key, now, span, pairs, pairs_before, counters):
                records[row, DEGREE] += 1
                records[payer, DEGREE] += 1
            touch(records[row, RINGS_AT], RING, payer, rings)
            touch(records[payer, RINGS_AT] + RING * x, RING, row, rings)
        for category in range(categories):
            row = rows[entities + category, n]
            if row < 0 or payer < 0:
                continue
            key = pair_key(payer, row)
            slot = pair(key, pairs, pairs_before, counters)
            if pairs[slot, 0] != 0 and now - pairs[slot, 2] < span:
                out[last + category, n] = pairs[slot, 1]
            _meet(key, now, span, pairs, pairs_before, counters)
        for kind in range(entities):
            if rows[kind, n] >= 0:
                _count(rows[kind, n], now, amounts[n], records)
        if labels[n] >= 0:
            push(heap, counters, known[n], first + n, np.int64(labels[n]))


@compiled
def history(clock, amounts, rows, payer_kind, entities, records, out):
    """Enter events at their entities alone; out [n] is how many each payer had before."""
    for n in range(len(clock)):
        payer = rows[payer_kind, n]
        out[n] = records[payer, EVENTS] if payer >= 0 else 0
        for kind in range(entities):
            if rows[kind, n] >= 0:
                _count(rows[kind, n], clock[n], amounts[n], records)
