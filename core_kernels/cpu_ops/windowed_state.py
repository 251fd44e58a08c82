"""Feeding a `WindowTable`: makes room, and lets the compiled loops run over the events."""

import numpy as np
from numpy.typing import NDArray

from core_kernels.cpu_ops import window_hash, window_labels
from core_kernels.cpu_ops import window_loops as loops
from core_kernels.errors import ArgumentRefused
from core_kernels.structures import windows as at
from core_kernels.structures.window_table import WindowTable

Array = NDArray[np.int64]

#: Events looked up before any of them is worked on; their cache misses overlap.
CHUNK = 4096


def feed(
    table: WindowTable, times: Array, aside: NDArray[np.bool_], keys: Array, others: Array,
    amounts: Array, labels: NDArray[np.int8], known: Array, sequence: int, out: Array,
) -> None:  # fmt: skip
    """Work on events in the order of their times, and fill `out` with the numbers of each.

    Args:
        times: [n] not descending, nor before what was fed before.
        aside: [n] events that are told about but not entered.
        keys, others: [n] ids of the entity and of the column that is counted distinct.
        amounts: [n] minor units.
        labels, known: [n] 0, 1 or −1 for none, and when it becomes known.
        sequence: number of the first event.
        out: [n, `len(table.entity.answers())`].

    Raises:
        ArgumentRefused: an entity has too many live events; those before it are entered.
    """
    for start in range(0, len(times), CHUNK):
        part = slice(start, start + CHUNK)
        rows = _rows(table, keys[part])
        _room_for_pairs(table, len(rows))
        if len(table.risks):
            table.grow_pending(len(rows))
        done = 0
        while done < len(rows):
            done = loops.feed(
                done, sequence + start, times[part], aside[part], rows, others[part],
                amounts[part], labels[part], known[part], table.entity.other is not None,
                table.entity.delay or 0, table.windows, table.risk_at, table.risks,
                table.extremes_at if table.entity.extremes else 0, table.stride, table.heads,
                table.arena.reshape(-1), table.queues, table.pending, table.pairs, table.counters,
                out[part].reshape(-1), out.shape[1],
            )  # fmt: skip
            if done < 0:
                key = int(keys[start - 1 - done])
                raise ArgumentRefused(
                    f"{table.entity.name} {key} has {at.MOST_LIVE:,} events inside its longest "
                    f"window at event {start - 1 - done} of this batch; shorten its windows."
                )
            if done < len(rows):
                longest = int(table.heads[rows[done] * table.stride + at.ROOM])
                table.grow_arena(max(2 * longest, len(table.arena) // 2))


def _rows(table: WindowTable, keys: Array, create: bool = True) -> Array:
    if create and table.grow_heads(len(keys)):
        entities = int(table.counters[at.ENTITIES])
        window_hash.refill(table.hashed, table.heads, table.stride, entities)
    rows = np.empty(len(keys), np.int64)
    window_hash.rows_of(keys, rows, table.hashed, table.heads, table.stride, table.counters, create)
    return rows


def _room_for_pairs(table: WindowTable, needed: int) -> None:
    """Pairs that left the log are forgotten whenever the table would be more than half full."""
    if table.entity.other is None or len(table.pairs) >= 2 * (table.counters[at.PAIRS] + needed):
        return
    log = (table.heads, table.stride, table.arena.reshape(-1), table.counters)
    slots, wanted = 32, 4 * (window_hash.live_pairs(table.pairs, *log, False) + needed)
    while slots < wanted:
        slots *= 2
    table.pairs = np.zeros((slots, 3), np.int64)
    table.counters[at.PAIRS] = window_hash.live_pairs(table.pairs, *log, True)


def learn(
    table: WindowTable, keys: Array, sequences: Array, labels: NDArray[np.int8], known: Array
) -> NDArray[np.bool_]:
    """Labels of events fed before; tells which events were found in their log without a label."""
    taken = np.zeros(len(keys), np.bool_)
    table.grow_pending(len(keys))
    window_labels.learn(
        _rows(table, keys, create=False), sequences, labels, known, table.entity.delay or 0,
        table.stride, table.heads, table.arena.reshape(-1), table.pending, table.counters, taken,
    )  # fmt: skip
    return taken


def rebuild(table: WindowTable) -> None:
    """Make hash, pairs and queues of a restored table."""
    entities = int(table.counters[at.ENTITIES])
    table.hashed[:] = 0
    window_hash.refill(table.hashed, table.heads, table.stride, entities)
    if table.entity.extremes:
        loops.requeue(
            table.heads,
            table.stride,
            entities,
            table.arena.reshape(-1),
            table.queues,
            table.extremes_at,
        )
    table.pairs, table.counters[at.PAIRS] = np.zeros((0, 3), np.int64), 0
    _room_for_pairs(table, 1)
