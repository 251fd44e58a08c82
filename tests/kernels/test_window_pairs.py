"""Pairs that left the logs leave their table: all others are found as before; it stays small."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core_kernels.cpu_ops import window_pairs
from core_kernels.cpu_ops.window_hash import pair_home
from core_kernels.dispatch.windowed_state import Entity, WindowedState
from core_kernels.structures.windows import COUNTERS, PAIRS, TAIL

STRIDE = 8
HOME = pair_home.py_func  # type: ignore[attr-defined]
Array = np.ndarray


def entered(pairs: Array, row: int, other: int, position: int) -> None:
    slot = int(HOME(len(pairs), row, np.int64(other)))
    while pairs[slot, 0]:
        slot = (slot + 1) % len(pairs)
    pairs[slot] = row + 1, other, position


def found(pairs: Array, row: int, other: int) -> int | None:
    """The newest position of a pair, by probing; None where an empty slot comes first."""
    slot = int(HOME(len(pairs), row, np.int64(other)))
    while pairs[slot, 0]:
        if (pairs[slot, 0], pairs[slot, 1]) == (row + 1, other):
            return int(pairs[slot, 2])
        slot = (slot + 1) % len(pairs)
    return None


@given(st.integers(0, 2**32), st.integers(1, 31), st.integers(0, 63), st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_exactly_what_left_the_logs_goes_and_all_else_is_found(
    seed: int, count: int, start: int, slots: int
) -> None:
    draw = np.random.default_rng(seed)
    rows, others = draw.integers(0, 5, count), np.arange(count) * 7919
    positions, tails = draw.integers(0, 100, count), draw.integers(0, 100, 5)
    pairs, heads = np.zeros((64, 3), np.int64), np.zeros(5 * STRIDE, np.int64)
    heads[TAIL::STRIDE] = tails
    counters = np.zeros(COUNTERS, np.int64)
    with np.errstate(over="ignore"):
        for row, other, position in zip(rows, others, positions, strict=True):
            entered(pairs, int(row), int(other), int(position))
            counters[PAIRS] += 1
        at = start
        for _ in range(-(-2 * 64 // slots)):
            at = window_pairs.forget(pairs, at, slots, heads, STRIDE, counters)
        alive = positions >= tails[rows]
        assert counters[PAIRS] == alive.sum() == (pairs[:, 0] != 0).sum()
        for n in range(count):
            told = found(pairs, int(rows[n]), int(others[n]))
            assert told == (int(positions[n]) if alive[n] else None)


def test_a_table_of_pairs_neither_grows_nor_moves_while_as_many_are_alive() -> None:
    """Before, dead pairs filled it again and again, and it moved into a fresh one each time."""
    state = WindowedState([Entity(name="card", windows=(4_000,), other="shop")])
    draw = np.random.default_rng(3)
    tables = set()
    for batch in range(120):
        shops = {"card": draw.integers(0, 50, 500), "shop": draw.integers(0, 2**40, 500)}
        state.feed(np.arange(batch * 500, batch * 500 + 500), shops, np.ones(500, np.int64))
        if batch > 20:
            table = state._tables["card"]
            tables.add((id(table.pairs), len(table.pairs), len(table.pairs_before)))
            assert table.counters[PAIRS] <= 4_000 + len(table.pairs) // 16 + 500
            assert table.coming_pairs.nbytes == 0
    assert len(tables) == 1
    assert tables.pop()[1:] == (16_384, 1)
