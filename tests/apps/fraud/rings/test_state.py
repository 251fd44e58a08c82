"""Rings are equal however they are fed and restored, and what is hostile does no harm."""

from itertools import pairwise

import numpy as np
import pytest

from apps.fraud.events import ENTITY, fields
from apps.fraud.rings.finding import find_rings
from apps.fraud.rings.generator import SCHEME, Planted, Setting, generate
from apps.fraud.rings.matching import match
from apps.fraud.rings.state import RingState
from apps.fraud.scheme import CARD_PAYMENTS
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused

DAY = 86_400_000
START = 1_767_225_600_000
SMALL = Setting(customers=5_000, days=30, each=1, honest_each=3)


@pytest.fixture(scope="module")
def made() -> tuple[Columns, list[Planted]]:
    return generate(SMALL, 60)


def part(columns: Columns, start: int, stop: int) -> Columns:
    return {name: value[start:stop] for name, value in columns.items()}


def payments(rows: list[tuple[str, str, str, str, float, int]]) -> Columns:
    """Events of payer, payee, device, address, day, minor units."""
    count = len(rows)
    told: dict[str, np.ndarray] = {
        name: np.zeros(count, dtype) for name, dtype in fields(CARD_PAYMENTS).items()
    }
    for place, key in enumerate(("customer", "terminal", "device", "address")):
        told[ENTITY + key] = np.array([row[place] for row in rows], np.str_)
    told["id"] = np.array([f"T{number}" for number in range(count)], np.str_)
    time = np.array([START + int(row[4] * DAY) for row in rows], np.int64)
    told["event_time"] = told["known_at"] = time
    told["amount"] = np.array([row[5] for row in rows], np.int64)
    return told


def background(people: int, prefix: str = "H") -> list[tuple[str, str, str, str, float, int]]:
    """Ordinary shopping of people who share nothing."""
    rng = np.random.default_rng(3)
    told = []
    for one in range(people):
        for _ in range(12):
            shop, day = f"SHOP{rng.integers(50)}", rng.uniform(0, 28)
            name = f"{prefix}{one}"
            told.append((name, shop, f"d{name}", f"a{name}", day, int(rng.integers(500, 9_000))))
    return told


def ring(names: list[str], day: float = 14.0) -> list[tuple[str, str, str, str, float, int]]:
    """Everybody passes money on to the next, twice, over one device within two days."""
    return [
        (payer, payee, "burner", "lair", day + lap + 0.02 * place, 90_000)
        for lap in range(2)
        for place, (payer, payee) in enumerate(zip(names, names[1:] + names[:1], strict=True))
    ]


def test_a_clear_ring_is_told_with_all_its_members_and_nobody_else() -> None:
    names = [f"R{number}" for number in range(8)]
    told = find_rings(payments(background(300) + background(8, "R") + ring(names)), CARD_PAYMENTS)
    assert [set(one.members) for one in told] == [set(names)]
    assert told[0].moved == 16 * 90_000
    assert told[0].money >= told[0].moved
    assert told[0].numbers["cycle"] == 1.0
    assert told[0].last - told[0].first < 2 * DAY


def test_without_a_ring_none_is_told() -> None:
    assert find_rings(payments(background(300)), CARD_PAYMENTS) == []


def test_batches_of_any_size_give_the_rings_of_all_at_once(
    made: tuple[Columns, list[Planted]],
) -> None:
    columns, _ = made
    whole = find_rings(columns, SCHEME)
    assert len(whole) > 5
    state = RingState(SCHEME)
    cuts = [0, 1, 7, 1_000, 1_001, 20_000, len(columns["id"])]
    for start, stop in pairwise(cuts):
        state.feed(part(columns, start, stop))
        if stop == 20_000:
            state.rings()
            state.latest()
    assert state.rings() == whole


def test_a_restored_snapshot_goes_on_as_if_nothing_had_happened(
    made: tuple[Columns, list[Planted]],
) -> None:
    columns, _ = made
    half = len(columns["id"]) // 2
    state = RingState(SCHEME)
    state.feed(part(columns, 0, half))
    kept = state.snapshot()
    assert {value.dtype.kind for value in kept.values()} <= set("uib")
    again = RingState.restore(SCHEME, kept)
    assert again.rings() == state.rings()
    for one in (state, again):
        one.feed(part(columns, half, len(columns["id"])))
    assert again.rings() == state.rings() == find_rings(columns, SCHEME)


def test_the_latest_view_sees_a_ring_that_just_acted() -> None:
    names = [f"R{number}" for number in range(8)]
    state = RingState(CARD_PAYMENTS)
    state.feed(payments(background(300) + background(8, "R")))
    assert state.latest() == []
    state.feed(payments(ring(names, day=26.0)))
    assert [set(one.members) for one in state.latest()] == [set(names)]


def test_planted_rings_are_found_among_lookalikes(made: tuple[Columns, list[Planted]]) -> None:
    columns, planted = made
    how = match(planted, [set(one.members) for one in find_rings(columns, SCHEME)])
    assert how.recall >= 0.8
    assert how.precision >= 0.7


def test_old_weeks_are_forgotten() -> None:
    names = [f"R{number}" for number in range(8)]
    state = RingState(CARD_PAYMENTS, weeks=4)
    state.feed(payments(background(300) + background(8, "R") + ring(names)))
    assert len(state.rings()) == 1
    state.feed(payments([("late", "SHOP1", "x", "y", 90.0, 100)]))
    assert state.rings() == []


def test_an_access_point_joins_nobody() -> None:
    """One device and one address for everybody: over the cap, so no tie at all."""
    crowd = [(f"C{one}", "SHOP", "kiosk", "cafe", 14 + one / 500, 50_000) for one in range(200)]
    assert find_rings(payments(background(300) + crowd), CARD_PAYMENTS) == []


@pytest.mark.slow
def test_a_node_of_a_million_payers_costs_no_more_than_its_rows() -> None:
    count = 1_000_000
    columns = payments(background(40) + background(8, "R") + ring([f"R{one}" for one in range(8)]))
    crowd = {name: np.resize(value, count) for name, value in columns.items()}
    crowd[ENTITY + "customer"] = np.char.mod("X%d", np.arange(count))
    crowd[ENTITY + "terminal"] = np.full(count, "R0")
    crowd[ENTITY + "device"] = np.full(count, "kiosk")
    crowd[ENTITY + "address"] = np.full(count, "")
    state = RingState(CARD_PAYMENTS)
    state.feed(crowd)
    state.feed(columns)
    told = state.rings()
    assert [set(one.members) for one in told] == [{f"R{one}" for one in range(8)}]


def test_paying_oneself_is_no_tie() -> None:
    rows = background(50) + [("A", "A", "d1", "a1", 14.0, 900_000)] * 20
    assert find_rings(payments(rows), CARD_PAYMENTS) == []


def test_the_same_rows_again_are_more_of_the_same_tie() -> None:
    names = [f"R{number}" for number in range(8)]
    rows = background(300) + background(8, "R") + ring(names)
    doubled = find_rings(payments(rows + ring(names)), CARD_PAYMENTS)
    assert [set(one.members) for one in doubled] == [set(names)]
    assert max(tie.count for tie in doubled[0].ties if tie.relation == "pays") == 4


def test_nothing_gives_nothing() -> None:
    state = RingState(CARD_PAYMENTS)
    state.feed(payments([]))
    assert state.rings() == state.latest() == []
    assert RingState.restore(CARD_PAYMENTS, state.snapshot()).rings() == []


@pytest.mark.parametrize(
    "twins", [("Аnna", "Anna"), ("e\u0301", "é"), ("ring\u200b", "ring"), ("\ud800", "\udc00")]
)
def test_identifiers_that_look_alike_stay_apart(twins: tuple[str, str]) -> None:
    names = [f"R{number}" for number in range(7)] + [twins[0]]
    rows = background(300) + background(8, "R") + ring(names)
    rows += [(twins[1], "SHOP1", "own", "home", 3.0, 100)]
    told = find_rings(payments(rows), CARD_PAYMENTS)
    assert [set(one.members) for one in told] == [set(names)]
    kept = RingState(CARD_PAYMENTS)
    kept.feed(payments(rows))
    assert RingState.restore(CARD_PAYMENTS, kept.snapshot()).rings() == told


def test_running_numbers_of_terminals_are_not_customers() -> None:
    """Both are counted from 0 in many files: terminal 7 is not paid as customer 7."""
    rng = np.random.default_rng(5)
    rows = [
        (str(one), str(rng.integers(60)), "", "", rng.uniform(0, 28), 40_000)
        for one in range(60)
        for _ in range(5)
    ]
    state = RingState(CARD_PAYMENTS)
    state.feed(payments(rows))
    assert all(not len(graph.flows) for graph in state.graphs())


def test_hostile_times_and_amounts_do_no_harm() -> None:
    names = [f"R{number}" for number in range(8)]
    columns = payments(background(300) + background(8, "R") + ring(names))
    strange = dict(payments([(f"S{one}", "R1", "burner", "lair", 0.0, 1) for one in range(6)]))
    strange["event_time"] = np.array([-(2**62), 2**62, 0, -1, 2**40, 5], np.int64)
    strange["known_at"] = np.full(6, START + 28 * DAY)
    strange["amount"] = np.array([2**40 - 1, -(2**40), 0, -1, 1, 2], np.int64)
    state = RingState(CARD_PAYMENTS)
    state.feed(columns)
    state.feed(strange)
    assert set(names) <= set().union(*(one.members for one in state.rings()))


def test_columns_of_different_length_are_refused() -> None:
    columns = dict(payments(background(3)))
    columns["amount"] = columns["amount"][:-1]
    with pytest.raises(InputRefused, match="differ in length"):
        RingState(CARD_PAYMENTS).feed(columns)


def test_evidence_says_what_is_so_in_both_languages() -> None:
    names = [f"R{number}" for number in range(8)]
    told = find_rings(payments(background(300) + background(8, "R") + ring(names)), CARD_PAYMENTS)
    said = {one.key: one for one in told[0].evidence}
    assert said["shares_device"].en == "8 of 8 members share 1 device."
    assert said["shares_device"].zh == "8 名成员中有 8 名共用 1 个设备。"
    assert said["shares_address"].en == "8 of 8 members share 1 IP address."
    assert said["flows"].en.startswith("16 payments among members moved 14,400.00 EUR: ")
    assert said["cycle"].en == "Money went round in circles among 8 of 8 members."
    assert "同" in said["together"].zh or "集中" in said["together"].zh
    weights = [one.weight for one in told[0].evidence]
    assert weights == sorted(weights, reverse=True)
