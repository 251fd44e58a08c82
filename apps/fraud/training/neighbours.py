"""Features of a transaction from the last transactions of those who take part in it.

Point-in-time aggregates over neighbours in the graph of transactions: two transactions are
neighbours when they share an entity. One hop tells what was known of them (labels that had arrived,
their amounts against their payers' habits), two hops what was known around them at their moment
(the risk of whom they met). Everything lies before the transaction; a label counts from the moment
it became known.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training.blocks import Blocks
from apps.fraud.training.table import DAY_MS, Table

CHUNK, THREADS = 20_000, 2
"""Rows that are worked on at once, and how many such parts at a time."""
LAST = (1, 3, 10)
"""Known labels, newest first, whose share of frauds is told."""
RECENT = 5
"""Neighbours of the first mean; the second is over all within a week."""
WEEK = 7.0
NOTHING = -1.0


@dataclass(frozen=True)
class Neighbourhood:
    """Names and values [rows, features] float32."""

    names: tuple[str, ...]
    values: NDArray[np.float32]


def carried(table: Table) -> tuple[str, ...]:
    """The features of a neighbour that are looked at: its amount against its payer's habit, and the
    risk of each of its own neighbours, in the longest windows and those of about a week."""
    payer = table.scheme.payer.key
    ratios = [name for name in table.names if name.startswith(f"{payer}_ratio_")]
    risks = [name for name in table.names if "_risk_" in name and name.endswith(("_7d", "_30d"))]
    owned = tuple(name for name in risks if not name.startswith(("around_", "own_", "kin_")))
    return (*ratios[-1:], *owned)


def names(table: Table) -> tuple[str, ...]:
    """Of the features, in order."""
    found = []
    for entity in table.scheme.entities:
        key = entity.key
        found += [f"last_{key}_{what}" for what in ("fraud_new", "fraud_old", "honest_new")]
        found += [f"last_{key}_share_{k}" for k in LAST]
        for name in carried(table):
            found += [f"last_{key}_{what}_{name}" for what in ("mean", "max", "week", "weekmax")]
    return tuple(found)


def neighbourhood(
    table: Table, around: Blocks, rows: NDArray[np.int64], label: NDArray[np.int64] | None = None
) -> Neighbourhood:
    """The features of some rows of a table.

    Args:
        table: of all rows.
        around: its blocks.
        rows: whose features.
        label: other labels than the table's, for the guard against leaks.
    """
    labels = table.label if label is None else label
    places = [table.names.index(name) for name in carried(table)]
    seen = table.values[:, places]
    known = table.label_known_at

    def part(start: int) -> NDArray[np.float32]:
        chunk = rows[start : start + CHUNK]
        columns: list[NDArray[np.float32]] = []
        for entity in table.scheme.entities:
            block = around.rows[entity.key][chunk]
            columns += _of_entity(table.time, known, labels, seen, chunk, block)
        return np.stack(columns, axis=1)

    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(part, range(0, len(rows), CHUNK)))
    width = len(names(table))
    values = np.concatenate(parts) if parts else np.empty((0, width), np.float32)
    return Neighbourhood(names(table), values)


def _of_entity(
    time: NDArray[np.int64],
    known: NDArray[np.int64],
    labels: NDArray[np.int64],
    seen: NDArray[np.float32],
    rows: NDArray[np.int64],
    block: NDArray[np.int32],
) -> list[NDArray[np.float32]]:
    there = block >= 0
    other = np.maximum(block, 0)
    now = time[rows][:, None]
    age = ((now - time[other]) / DAY_MS).astype(np.float32)
    told = there & (known[other] <= now)
    fraud, honest = told & (labels[other] == 1), told & (labels[other] == 0)
    columns = [_first(age, fraud), _first(age[:, ::-1], fraud[:, ::-1]), _first(age, honest)]
    rank = np.cumsum(told, axis=1)
    for k in LAST:
        within = told & (rank <= k)
        columns.append(_mean(fraud.astype(np.float32), within))
    near, week = there[:, :RECENT], there & (age < WEEK)
    for place in range(seen.shape[1]):
        value = seen[other, place]
        columns += [
            _mean(value[:, :RECENT], near), _largest(value[:, :RECENT], near),
            _mean(value, week), _largest(value, week),
        ]  # fmt: skip
    return columns


def _first(value: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The first masked value of each row; `NOTHING` where there is none."""
    found = value[np.arange(len(value)), mask.argmax(axis=1)]
    return np.where(mask.any(axis=1), found, np.float32(NOTHING))


def _mean(value: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    count = mask.sum(axis=1)
    total = np.where(mask, value, 0).sum(axis=1, dtype=np.float64)
    mean = np.full(len(value), NOTHING)
    np.divide(total, count, out=mean, where=count > 0)
    return mean.astype(np.float32)


def _largest(value: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(mask, value, np.float32(NOTHING)).max(axis=1)
