"""The state as a whole: cuts, restarts, time, labels, limits, refusals."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from apps.fraud.benchmarks.features import payments
from apps.fraud.events import LARGEST_AMOUNT, fields
from apps.fraud.features.catalogue import FLAT, GRAPH, HANDBOOK
from apps.fraud.features.columns import LATEST
from apps.fraud.features.layout import HALVED
from apps.fraud.features.state import FeatureState
from apps.fraud.scheme import CARD_PAYMENTS, DAY
from loupe.contract.runtime.errors import InputRefused

Table = dict[str, np.ndarray]
NOW = 1_700_000_000_000


def part(table: Table, which: slice | np.ndarray) -> Table:
    return {name: column[which] for name, column in table.items()}


def events(count: int = 2, **said: object) -> Table:
    """Payments at one moment by one customer with one terminal; `said` replaces columns."""
    table: Table = {
        "id": np.array([f"t{number}" for number in range(count)]),
        "event_time": np.full(count, NOW),
        "known_at": np.full(count, NOW),
        "amount": np.full(count, 100),
        **{f"entity.{key}": np.full(count, "a") for key in ("customer", "terminal")},
        **{f"entity.{key}": np.full(count, "") for key in ("device", "address")},
        **{f"attribute.{key}": np.full(count, "x") for key in ("country", "channel")},
    }
    return table | {name: np.asarray(column) for name, column in said.items()}


def test_batches_of_any_size_and_a_restart_give_the_same_bits(tmp_path: Path) -> None:
    whole = payments(0, 20_000, 700)
    at_once = FeatureState(CARD_PAYMENTS, mode="arrival").feed(whole)
    state, start = FeatureState(CARD_PAYMENTS, mode="arrival"), 0
    for size in (1, 7, 1000, 4095, 0, 9000, 5897):
        fed = state.feed(part(whole, slice(start, start + size)))
        np.testing.assert_array_equal(fed.values, at_once.values[start : start + size])
        np.testing.assert_array_equal(fed.history, at_once.history[start : start + size])
        assert fed.sequence == start
        start += size
        state.snapshot(tmp_path / str(start))
        state = FeatureState(CARD_PAYMENTS, mode="arrival")
        state.restore(tmp_path / str(start))
    assert start == 20_000


@pytest.mark.parametrize("groups", [FLAT, GRAPH, [HANDBOOK], ["priors"], ["risk"]])
def test_a_choice_of_groups_has_the_values_of_the_whole(groups: list[str]) -> None:
    table = payments(0, 3000, 100)
    table["event_time"] = table["known_at"] = table["event_time"] * 500
    whole = FeatureState(CARD_PAYMENTS, mode="arrival")
    some = FeatureState(CARD_PAYMENTS, mode="arrival", groups=groups)
    every, chosen = whole.feed(table), some.feed(table)
    at = [whole.names.index(name) for name in some.names]
    np.testing.assert_array_equal(chosen.values, every.values[:, at])
    np.testing.assert_array_equal(chosen.history, every.history)


def test_the_secret_changes_no_feature() -> None:
    table = payments(0, 2000, 100)
    one, other = (
        FeatureState(CARD_PAYMENTS, mode="arrival", secret=bytes([number] * 16)).feed(table)
        for number in (1, 2)
    )
    np.testing.assert_array_equal(one.values, other.values)


def test_no_event_sees_what_comes_after_it_or_its_own_label() -> None:
    table = payments(0, 3000, 60)
    table["label_known_at"] = table["event_time"] - 1
    first = FeatureState(CARD_PAYMENTS, mode="arrival").feed(table).values
    changed = {name: column.copy() for name, column in table.items()}
    changed["label"][1500:] = 1 - changed["label"][1500:]
    changed["amount"][1501:] = 5
    second = FeatureState(CARD_PAYMENTS, mode="arrival").feed(changed).values
    np.testing.assert_array_equal(first[:1501], second[:1501])
    assert (first[1501:] != second[1501:]).any()


def test_a_label_that_comes_later_is_as_good_as_one_that_came_with_its_event() -> None:
    table = payments(0, 2000, 60)
    table["event_time"] = table["known_at"] = table["event_time"] * 500
    known = table["event_time"] + 1 + DAY * 1000
    unlabelled = {name: column for name, column in table.items() if name != "label"}
    at_once, later = (FeatureState(CARD_PAYMENTS, mode="arrival") for _ in range(2))
    one = at_once.feed(table | {"label_known_at": known}).values
    half = slice(0, 1000)
    two = later.feed(part(unlabelled, half)).values
    ready = known[half] > later.clock
    assert later.learn(
        table["id"][half][ready], table["label"][half][ready], known[half][ready]
    ).all()
    rest = later.feed(part(unlabelled, slice(1000, 2000)) | {"label": np.full(1000, -1)}).values
    assert two.shape == rest.shape
    whole = FeatureState(CARD_PAYMENTS, mode="arrival")
    seen = np.where(np.arange(2000) < 1000, table["label"], -1)
    seen[half][~ready] = -1
    np.testing.assert_array_equal(
        whole.feed(table | {"label": seen, "label_known_at": known}).values[1000:], rest
    )
    assert (one != np.concatenate([two, rest])).any()


def test_an_event_keeps_its_first_label_and_only_the_newest_are_remembered() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival", remembered=3)
    state.feed(events(5))
    ids = np.array(["t1", "t2", "t2", "t4", "none"])
    taken = state.learn(ids, np.array([1, 1, 0, 0, 1]), np.full(5, NOW))
    assert taken.tolist() == [False, True, False, True, False]
    assert not state.learn(np.array(["t4"]), np.array([1]), np.array([NOW])).any()
    later = state.feed(events(1, event_time=[NOW + 1], known_at=[NOW + 1]))
    told = dict(zip(state.names, later.values[0].tolist(), strict=True))
    assert told["customer_prior"] > told["prior_segment"] > told["prior_all"] > 0.01


def test_backfill_sorts_by_event_time_and_answers_in_the_order_that_was_given() -> None:
    table = payments(0, 500, 40)
    mixed = np.random.default_rng(1).permutation(500)
    sorted_ = FeatureState(CARD_PAYMENTS, mode="event_time").feed(table)
    given = FeatureState(CARD_PAYMENTS, mode="event_time").feed(part(table, mixed))
    ties = np.diff(table["event_time"]) == 0
    assert not ties.any()
    np.testing.assert_array_equal(given.values, sorted_.values[mixed])
    assert not given.late.any()


def test_a_late_event_is_marked_and_told_about_as_of_the_clock() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    fed = state.feed(events(3, event_time=[NOW, NOW - 7 * DAY * 1000, NOW]))
    assert fed.late.tolist() == [False, True, False]
    at = state.names.index("customer_count_1h")
    assert fed.values[:, at].tolist() == [1, 2, 3]


def test_a_clock_that_runs_ahead_cannot_push_others_into_the_past() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    fed = state.feed(events(2, event_time=[NOW + 400 * DAY * 1000, NOW]))
    assert state.clock == NOW + 300_000
    assert fed.values[1, state.names.index("customer_count_1h")] == 2


def test_events_that_lack_an_identifier_are_never_each_others() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    fed = state.feed(events(3, **{"entity.customer": ["", "", ""]}))
    told = dict(zip(state.names, fed.values.T.tolist(), strict=True))
    assert told["customer_count_1h"] == told["device_count_1h"] == [0, 0, 0]
    assert told["customer_since"] == told["device_since"] == [-1, -1, -1]
    assert told["terminal_count_1h"] == [1, 2, 3]
    assert told["terminal_fan_in"] == told["terminal_new"] == [0, 0, 0]
    assert fed.history.tolist() == [0, 0, 0]


def test_the_largest_amounts_overflow_nothing_and_no_feature_is_ever_nan() -> None:
    count = 3 * HALVED
    state = FeatureState(CARD_PAYMENTS, mode="event_time", groups=["graph", "spending"])
    state.feed(
        events(
            count,
            id=np.arange(count),
            amount=np.full(count, LARGEST_AMOUNT),
            **{"entity.customer": np.full(count, "b"), "entity.device": np.full(count, "d")},
        )
    )
    fed = state.feed(events(1, **{"entity.device": ["d"]}, amount=[-LARGEST_AMOUNT]))
    told = dict(zip(state.names, fed.values[0].tolist(), strict=True))
    assert told["around_device_amount"] == np.float32(LARGEST_AMOUNT)
    assert told["customer_std_30d"] == 0
    assert np.isfinite(fed.values).all()


def test_a_device_of_very_many_costs_no_more_than_one_of_few() -> None:
    count = 100_000
    state = FeatureState(CARD_PAYMENTS, mode="event_time")
    people = np.char.add("c", np.arange(count).astype(np.str_))
    fed = state.feed(
        events(
            count, id=np.arange(count),
            **{"entity.customer": people, "entity.device": np.full(count, "d")},
        )
    )  # fmt: skip
    told = dict(zip(state.names, fed.values[-1].tolist(), strict=True))
    assert told["device_distinct_30d"] == count
    assert told["device_fan_in"] == count - 1
    assert told["around_device_count"] == 8
    assert told["prior_neighbours"] == told["prior_segment"]
    assert state.nbytes() < 2000 * count


def test_lists_hold_until_their_time_and_can_be_taken_back() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival", groups=["lists"])
    state.list_change("snooze", "customer", "a", until=NOW + 10)
    state.list_change("watch", "terminal", "a")
    state.list_change("allow", "customer", "nobody")
    first = state.feed(events(1)).values[0]
    later = state.feed(events(1, event_time=[NOW + 10], known_at=[NOW + 10])).values[0]
    state.list_change("watch", "terminal", "a", until=None)
    last = state.feed(events(1)).values[0]
    assert [state.names, *map(np.ndarray.tolist, (first, later, last))] == [
        ("listed_watch", "listed_allow", "listed_block", "listed_snooze"),
        [1, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0],
    ]  # fmt: skip
    with pytest.raises(InputRefused, match="'black' and the entity 'customer'"):
        state.list_change("black", "customer", "a")
    with pytest.raises(InputRefused, match="one of watch, allow, block, snooze"):
        state.list_change("watch", "planet", "a")


def test_the_table_of_the_frame_is_what_a_state_takes() -> None:
    table = {name: np.zeros(0, dtype) for name, dtype in fields(CARD_PAYMENTS).items()}
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    assert state.feed(table).values.shape == (0, len(state.names))


REFUSED: dict[str, tuple[Callable[[Table], object], str]] = {
    "no column": (lambda table: table.pop("amount"), "no column 'amount'"),
    "of floats": (lambda table: table.update(amount=np.zeros(2)), "one dimension of integers"),
    "too much": (
        lambda table: table.update(amount=np.array([0, LARGEST_AMOUNT + 1])),
        "amount is 1099511627776 in row 1",
    ),
    "ancient": (
        lambda table: table.update(event_time=np.full(2, -LATEST - 1)), "event_time is -"
    ),
    "of bytes": (lambda table: table.update(id=np.array([b"a", b"b"])), "unicode or of whole"),
    "ragged": (lambda table: table.update(label=np.zeros(3, np.int64)), "differ in length"),
    "label": (lambda table: table.update(label=np.array([2, 0])), "label is 2 in row 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_batch_that_does_not_fit_is_refused_and_leaves_no_trace(case: str) -> None:
    damage, words = REFUSED[case]
    state, untouched = (FeatureState(CARD_PAYMENTS, mode="arrival") for _ in range(2))
    table = events()
    damage(table)
    with pytest.raises(InputRefused, match=words):
        state.feed(table)
    np.testing.assert_array_equal(state.feed(events()).values, untouched.feed(events()).values)


def test_labels_that_are_neither_fraud_nor_honest_are_refused() -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    with pytest.raises(InputRefused, match="neither 1"):
        state.learn(np.array(["t"]), np.array([-1]), np.array([NOW]))
    with pytest.raises(InputRefused, match="label is 2"):
        state.learn(np.array(["t"]), np.array([2]), np.array([NOW]))


def test_a_snapshot_that_is_damaged_or_of_another_state_is_refused(tmp_path: Path) -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    state.feed(events())
    state.snapshot(tmp_path)
    for other in (
        FeatureState(CARD_PAYMENTS, mode="event_time"),
        FeatureState(CARD_PAYMENTS, mode="arrival", groups=FLAT),
        FeatureState(CARD_PAYMENTS, mode="arrival", secret=b"x" * 16),
    ):
        with pytest.raises(InputRefused, match="restore it with the scheme, mode and groups"):
            other.restore(tmp_path)
    next(tmp_path.glob("*.npy")).write_bytes(b"\x93NUMPY broken")
    with pytest.raises(InputRefused, match="no whole snapshot"):
        FeatureState(CARD_PAYMENTS, mode="arrival").restore(tmp_path)
    with pytest.raises(InputRefused, match="no whole snapshot"):
        FeatureState(CARD_PAYMENTS, mode="arrival").restore(tmp_path / "nothing")


def test_a_mode_that_is_neither_is_refused() -> None:
    with pytest.raises(InputRefused, match="give 'arrival' or 'event_time'"):
        FeatureState(CARD_PAYMENTS, mode="both")  # type: ignore[arg-type]


def test_with_nothing_remembered_labels_must_come_with_their_events() -> None:
    table = payments(0, 2000, 30)
    table["event_time"] = table["known_at"] = table["event_time"] * 500
    some, none = (
        FeatureState(CARD_PAYMENTS, mode="arrival", groups=["risk"], remembered=remembered)
        for remembered in (10_000, 0)
    )
    np.testing.assert_array_equal(some.feed(table).values, none.feed(table).values)
    ids, labels, known = table["id"][:2], np.ones(2, np.int64), np.zeros(2, np.int64)
    assert not none.learn(ids, labels, known).any()
    with pytest.raises(InputRefused, match="need 1 or more"):
        FeatureState(CARD_PAYMENTS, mode="arrival", groups=["priors"], remembered=0)


def test_a_snapshot_that_was_interrupted_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    state.snapshot(tmp_path)
    state.feed(events())
    written = []
    sync = os.fdatasync

    def interrupted(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 5:
            raise OSError
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", interrupted)
    with pytest.raises(OSError):
        state.snapshot(tmp_path)
    with pytest.raises(InputRefused, match="no whole snapshot"):
        FeatureState(CARD_PAYMENTS, mode="arrival").restore(tmp_path)


@pytest.mark.parametrize(
    "name", ["clock", "memory|ids", "network|records", "windows|customer/customer.heads"]
)
def test_a_snapshot_without_one_of_its_arrays_is_refused(tmp_path: Path, name: str) -> None:
    state = FeatureState(CARD_PAYMENTS, mode="arrival")
    state.feed(events())
    state.snapshot(tmp_path)
    manifest = tmp_path / "features.json"
    manifest.write_text(manifest.read_text().replace(f'"{name}"', '"other"'))
    with pytest.raises(InputRefused, match="no whole snapshot"):
        FeatureState(CARD_PAYMENTS, mode="arrival").restore(tmp_path)
