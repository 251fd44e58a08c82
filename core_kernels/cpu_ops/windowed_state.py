"""Feeding a `WindowTable`: makes room, and lets the compiled loops run over the events."""

import numpy as np
from numpy.typing import NDArray

from core_kernels.cpu_ops import window_hash, window_idle, window_labels, window_pairs
from core_kernels.cpu_ops import window_loops as loops
from core_kernels.errors import ArgumentRefused
from core_kernels.structures import windows as at
from core_kernels.structures.window_table import WindowTable

Array = NDArray[np.int64]

#: Events looked up before any of them is worked on; their cache misses overlap.
CHUNK = 4096

#: Slots of a table that move on for each event, head rows that are looked at for being idle, and
#: pairs for having left the log: so hardly a sixteenth of a table's slots hold such pairs.
MOVED, LOOKED, SWEPT = 8, 4, 8

#: For how many events a new pair may count while the next table of pairs is being made ready.
_HASTE = 6

#: Slots that are few enough to move at once, or to judge by how many pairs are still in a log.
_FEW = 4096


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
        _move(table, MOVED * len(rows))
        _forget(table, SWEPT * len(rows))
        if len(table.risks):
            table.grow_pending(len(rows))
        done = 0
        while done < len(rows):
            done = loops.feed(
                done, sequence + start, times[part], aside[part], rows, others[part],
                amounts[part], labels[part], known[part], table.entity.other is not None,
                table.entity.delay or 0, table.windows, table.risk_at, table.risks,
                table.extremes_at if table.entity.extremes else 0, table.stride, table.heads,
                table.arena.reshape(-1), table.queues, table.pending, table.pairs,
                table.pairs_before, table.counters, out[part].reshape(-1), out.shape[1],
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
        window_idle.sweep(
            LOOKED * len(rows), len(rows), int(times[part][-1]) - table.horizon, table.hashed,
            table.hashed_before, table.heads, table.idle, table.stride, table.windows,
            table.risk_at, table.risks, table.extremes_at if table.entity.extremes else 0,
            table.arena.reshape(-1), table.counters,
        )  # fmt: skip
    table.ready()


def _rows(table: WindowTable, keys: Array, create: bool = True) -> Array:
    if create:
        table.grow_heads(len(keys))
        _room_for_keys(table, len(keys))
    rows = np.empty(len(keys), np.int64)
    window_hash.rows_of(
        keys, rows, table.hashed, table.hashed_before, table.heads, table.idle, table.stride,
        table.counters, create,
    )  # fmt: skip
    return rows


def _room_for_keys(table: WindowTable, needed: int) -> None:
    wanted, room = 2 * (int(table.counters[at.KEYS]) + needed), len(table.hashed)
    if 4 * wanted > 3 * room > 3 * _FEW:
        table.coming_keys.get_on(2 * room, table.hashed, needed)
    if wanted <= room:
        return
    _move_keys(table, len(table.hashed_before))
    table.hashed_before, table.counters[at.KEYS_MOVED] = table.hashed, 0
    table.hashed = table.coming_keys.take(_power(2 * room, wanted), table.hashed)
    if room <= _FEW:
        _move_keys(table, room)


def _room_for_pairs(table: WindowTable, needed: int) -> None:
    """More pairs are alive than half the slots: the table moves into a larger one."""
    wanted, room = 2 * (int(table.counters[at.PAIRS]) + needed), len(table.pairs)
    if table.entity.other is None or 25 * wanted <= 24 * room:
        return
    sample = min(room, _FEW)
    alive = window_hash.living(table.pairs, 0, sample, table.heads, table.stride)
    alive = alive * (room // sample) + needed
    rows = _power(32, 3 * alive)
    if room > _FEW:
        table.coming_pairs.get_on(rows, table.pairs, _HASTE * needed)
    if wanted <= room:
        return
    _move_pairs(table, len(table.pairs_before))
    table.pairs_before, table.counters[at.PAIRS_MOVED] = table.pairs, 0
    table.pairs = table.coming_pairs.take(_power(32, 5 * alive // 2), table.pairs)
    table.counters[at.PAIRS] = 0
    if room <= _FEW:
        _move_pairs(table, room)


def _forget(table: WindowTable, slots: int) -> None:
    """Take pairs that left the log out of a table that stays and is not nearly empty."""
    if len(table.pairs_before) > 1 or 16 * table.counters[at.PAIRS] <= 5 * len(table.pairs):
        return
    table.counters[at.PAIRS_SWEPT] = window_pairs.forget(
        table.pairs, int(table.counters[at.PAIRS_SWEPT]), slots, table.heads, table.stride,
        table.counters,
    )  # fmt: skip


def _move(table: WindowTable, slots: int) -> None:
    """Tables that are on their way into larger ones get on by so many slots."""
    _move_keys(table, slots)
    _move_pairs(table, slots)


def _move_keys(table: WindowTable, slots: int) -> None:
    before = table.hashed_before
    if len(before) > 1:
        start = int(table.counters[at.KEYS_MOVED])
        stop = min(start + slots, len(before))
        window_hash.move_keys(table.hashed, before, start, stop)
        table.counters[at.KEYS_MOVED] = stop
        if stop == len(before):
            table.hashed_before = before[:1] * 0


def _move_pairs(table: WindowTable, slots: int) -> None:
    before = table.pairs_before
    if len(before) > 1:
        start = int(table.counters[at.PAIRS_MOVED])
        stop = min(start + slots, len(before))
        window_hash.move_pairs(
            table.pairs, before, start, stop, table.heads, table.stride, table.counters
        )
        table.counters[at.PAIRS_MOVED] = stop
        if stop == len(before):
            table.pairs_before = before[:1] * 0


def _power(least: int, wanted: int) -> int:
    while least < wanted:
        least *= 2
    return least


def learn(
    table: WindowTable, keys: Array, sequences: Array, labels: NDArray[np.int8], known: Array,
    clock: int,
) -> NDArray[np.bool_]:  # fmt: skip
    """Labels of events fed before; tells which events a window may still count, without a label."""
    taken = np.zeros(len(keys), np.bool_)
    table.grow_pending(len(keys))
    window_labels.learn(
        _rows(table, keys, create=False), sequences, labels, known, table.entity.delay or 0,
        clock - table.horizon, table.stride, table.heads, table.arena.reshape(-1), table.pending,
        table.counters, taken,
    )  # fmt: skip
    return taken


def rebuild(table: WindowTable) -> None:
    """Make hash, pairs and queues of a restored table."""
    entities, idle = int(table.counters[at.ENTITIES]), table.idle_keys
    table.hashed = np.zeros((_power(32, 2 * (entities + len(idle))), 2), np.int64)
    table.counters[at.KEYS] = window_hash.refill(
        table.hashed, table.heads, table.stride, entities, idle
    )
    window_idle.free_rows(table.heads, table.stride, table.counters)
    if table.entity.extremes:
        loops.requeue(
            table.heads,
            table.stride,
            entities,
            table.arena.reshape(-1),
            table.queues,
            table.extremes_at,
        )
    if table.entity.other is not None:
        entries = int(table.counters[at.ARENA])
        table.pairs = np.zeros((_power(32, 2 * entries), 3), np.int64)
        table.counters[at.PAIRS] = window_hash.enter_pairs(
            table.pairs, table.heads, table.stride, table.arena.reshape(-1), table.counters
        )
