"""Sums of ties: the same whatever the batches, and equal to a plain count."""

from collections import defaultdict
from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.rings import ties
from apps.fraud.rings.ties import MINUTE, ORIGIN, Ties

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(0, 4), st.integers(-(10**9), 10**9), st.integers(0, 2**40)
    ),
    max_size=30,
)


def made(rows: list[tuple[int, int, int, int]]) -> Ties:
    left, right, minute, amount = np.array(rows, np.int64).reshape(-1, 4).T
    return ties.together([ties.events(left, right, ORIGIN + minute % 10_000 * MINUTE, amount)])


def same(left: Ties, right: Ties) -> bool:
    return all(
        np.array_equal(getattr(left, field.name), getattr(right, field.name))
        for field in fields(Ties)
    )


@given(EVENTS)
def test_each_pair_comes_once_with_the_sums_of_its_events(
    rows: list[tuple[int, int, int, int]],
) -> None:
    plain = defaultdict(list)
    for left, right, minute, amount in rows:
        plain[left, right].append((minute % 10_000, amount))
    told = made(rows)
    assert list(zip(told.left.tolist(), told.right.tolist(), strict=True)) == sorted(plain)
    for place, pair in enumerate(sorted(plain)):
        minutes, amounts = zip(*plain[pair], strict=True)
        assert told.count[place] == len(minutes)
        assert told.amount[place] == sum(amounts)
        assert told.moments[place] == sum(minutes)
        assert told.squares[place] == sum(minute * minute for minute in minutes)
        assert told.first[place] == ORIGIN + min(minutes) * MINUTE
        assert told.last[place] == ORIGIN + max(minutes) * MINUTE


@given(EVENTS, EVENTS)
def test_a_union_is_that_of_all_events(
    one: list[tuple[int, int, int, int]], other: list[tuple[int, int, int, int]]
) -> None:
    whole = made(one + other)
    assert same(ties.added(made(one), made(other)), whole)
    assert same(ties.together([made(one), made(other)]), whole)


@given(EVENTS)
def test_ties_survive_being_an_array(rows: list[tuple[int, int, int, int]]) -> None:
    told = made(rows)
    assert same(Ties.of(told.array()), told)
