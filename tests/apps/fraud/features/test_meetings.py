"""Pairs that have not met for long leave their table: what counts is found, and it stays small."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from apps.fraud.events import fields
from apps.fraud.features import layout as at
from apps.fraud.features.loops import meetings, nodes
from apps.fraud.features.state import FeatureState
from tests.apps.fraud.features.histories import CARDS


@given(st.integers(0, 2**32), st.integers(1, 42), st.integers(0, 63), st.integers(1, 40))
@settings(deadline=None, max_examples=60)
def test_exactly_what_has_not_met_since_goes_and_all_else_is_found(
    seed: int, count: int, start: int, slots: int
) -> None:
    draw = np.random.default_rng(seed)
    keys = draw.permutation(1_000_000)[:count] + 1
    met, oldest = draw.integers(0, 100, count), int(draw.integers(0, 100))
    pairs: NDArray[np.int64] = np.zeros((64, at.PAIR), np.int64)
    before = np.zeros((1, at.PAIR), np.int64)
    counters = np.zeros(at.COUNTERS, np.int64)
    for n, key in enumerate(keys.tolist()):
        pairs[nodes.pair(key, pairs, before, counters)] = key, n, met[n]
        counters[at.PAIRS] += 1
    place = start
    for _ in range(-(-2 * 64 // slots)):
        place = meetings.forget(pairs, place, slots, oldest, counters)
    alive = met > oldest
    assert counters[at.PAIRS] == alive.sum() == (pairs[:, 0] != 0).sum()
    for n, key in enumerate(keys.tolist()):
        told = pairs[nodes.pair(key, pairs, before, counters)].tolist()
        assert told == ([key, n, met[n]] if alive[n] else [0, 0, 0])


def test_the_table_neither_grows_nor_moves_while_as_many_pairs_count() -> None:
    """Customers meet a new device each time, 12,000 of them within twice the longest window."""
    state, network = FeatureState(CARDS, mode="arrival"), []
    kinds = fields(CARDS)
    for batch in range(60):
        number = np.arange(batch * 1_000, batch * 1_000 + 1_000)
        columns = {name: np.zeros(1_000, kind) for name, kind in kinds.items()}
        columns |= {
            "id": number.astype(np.str_), "event_time": number * 100, "known_at": number * 100,
            "label": np.full(1_000, -1), "entity.customer": (number % 200).astype(np.str_),
            "entity.device": number.astype(np.str_),
        }  # fmt: skip
        state.feed(columns)
        kept = state._network
        if batch > 20:
            network.append((id(kept.pairs), len(kept.pairs), len(kept._pairs_before)))
            assert kept.counters[at.PAIRS] < max(13_000, len(kept.pairs) // 2) + 1_500
    assert set(network) == {network[0]}
    assert network[0][2] == 1
