"""Ids are known for a day, by generations, exactly as a dictionary would know them."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.live import hashing, known_ids
from apps.fraud.live.files import Kept
from apps.fraud.live.known_ids import Frozen, KnownIds

HORIZON = 1_000
KEY = (3, 4)
row = st.tuples(st.integers(0, 60), st.integers(0, 1), st.booleans())
batches = st.lists(st.tuples(st.integers(0, 700), st.lists(row, max_size=30)), max_size=25)


class Dictionary:
    """The definition: a dictionary of everything that ever came."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[int, int, int]] = {}
        self.count = 0

    def enter(self, at: int, name: int, body: int) -> tuple[int, int]:
        there = self.known.get(name)
        if there is not None and at - there[2] <= HORIZON:
            return (1 if there[1] == body else 2), there[0]
        self.known[name] = (self.count, body, at)
        self.count += 1
        return 0, self.count - 1


def entered(ids: KnownIds, at: int, rows: list[tuple[int, int, bool]], first: int):  # type: ignore[no-untyped-def]
    names = np.array([f"id-{name}" for name, _, _ in rows], np.str_)
    high, low = hashing.identities(names, KEY) if rows else (np.zeros(0, np.uint64),) * 2
    bodies = np.array([body for _, body, _ in rows], np.uint64)
    taken = np.array([taken for _, _, taken in rows], np.bool_)
    return ids.enter(high, low, bodies, np.full(len(rows), at, np.int64), taken, first)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches)
@pytest.mark.parametrize("on_disk", [False, True])
def test_verdicts_are_those_of_a_dictionary(
    on_disk: bool, tmp_path: Path, batches: list[tuple[int, list[tuple[int, int, bool]]]]
) -> None:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(known_ids, "GENERATION", 25)
        patch.setattr(known_ids, "JOINED", 3)
        worker = stack.enter_context(ThreadPoolExecutor(1))
        ids, oracle, at = KnownIds(HORIZON, worker), Dictionary(), 0
        for step, rows in batches:
            at += step
            first = oracle.count
            verdicts = entered(ids, at, rows, first)
            for n, (name, body, taken) in enumerate(rows):
                if taken:
                    expected = oracle.enter(at, name, body)
                    assert (int(verdicts.kinds[n]), int(verdicts.sequences[n])) == expected
                else:
                    assert (int(verdicts.kinds[n]), int(verdicts.sequences[n])) == (0, -1)
            ids.freeze_if_full(tmp_path if on_disk else None)
        high, low = hashing.identities(np.array([f"id-{n}" for n in range(61)]), KEY)
        expected_found = [oracle.known.get(n, (-1,))[0] for n in range(61)]
        assert ids.find(high, low).tolist() == expected_found


def test_a_frozen_generation_reads_the_same_from_its_file(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = np.zeros((4096, 5), np.uint64)
    rows = random.choice(4096, 1500, replace=False)
    table[rows] = random.integers(1, 2**63, (1500, 5), np.uint64)
    table[rows[:300], 0] = table[rows[300:600], 0]  # halves that are equal
    frozen = Frozen.of(table, tmp_path)
    frozen.file.into(tmp_path / "ids")
    again = Frozen(Kept.opened(tmp_path / "ids"))
    high, low = table[rows, 0].copy(), table[rows, 1].copy()
    places = again.look(high, low)
    assert (places >= 0).all()
    assert again.rows[3][places].tolist() == (table[rows, 3] - np.uint64(1)).tolist()
    assert (again.look(high, low + np.uint64(1)) == -1).all()
    assert places.tolist() == frozen.look(high, low).tolist()


def test_memory_stays_flat_while_generations_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_ids, "GENERATION", 20_000)
    monkeypatch.setattr(known_ids, "JOINED", 2)
    held: list[int] = []
    with ThreadPoolExecutor(1) as worker:
        ids = KnownIds(HORIZON, worker)
        for n in range(12):
            rows = [(n * 10_000 + m, 0, True) for m in range(10_000)]
            entered(ids, 0, rows, n * 10_000)
            if ids.freeze_if_full(tmp_path):
                worker.submit(int).result()  # what was asked for before it is done
                ids.take_over(wait=True)
                held.append(ids.nbytes)
    assert [one.count for one in ids.frozen] == [40_000, 40_000, 20_000, 20_000]
    growth = (held[-1] - held[0]) / (len(held) - 1) / 20_000
    assert growth < 2, "two bytes an id: its share of the filter"


def test_generations_that_were_joined_know_the_later_of_two_bodies(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as worker:
        parts = []
        for at, body in ((0, 7), (HORIZON + 1, 8)):
            ids = KnownIds(HORIZON, worker)
            entered(ids, at, [(1, body, True), (2 + body, 0, True)], at)
            parts.append(Frozen.of(ids._table, None))
        joined = Frozen.joined(parts, tmp_path)
        ids = KnownIds(HORIZON, worker)
        ids.frozen.append(joined)
        told = entered(ids, HORIZON + 2, [(1, 8, True), (1, 7, True), (10, 0, True)], 5_000)
    assert told.kinds.tolist() == [1, 2, 1]
    assert told.sequences.tolist()[:2] == [HORIZON + 1, HORIZON + 1]
