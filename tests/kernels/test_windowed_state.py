"""`windowed_state` against its definition, polars, the Handbook's recipe, and itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_kernels.dispatch.windowed_state import Answers, Entity, WindowedState
from core_kernels.errors import ArgumentRefused, InUse
from core_kernels.reference.windowed_state import windowed_state as reference
from core_kernels.structures.windows import LARGEST_AMOUNT

ENTITIES = (
    Entity(name="card", windows=(5, 40, 11), other="shop", extremes=True),
    Entity(name="shop", windows=(7, 30), delay=6, risk_windows=(4, 25), other="card"),
)

Events = dict[str, Any]

pl = pytest.importorskip("polars", reason="polars is the oracle from outside")


def made(count: int, seed: int, *, ids: int = 6, wild: bool = True) -> Events:
    """Events with many ties, few entities, large amounts and labels known at odd times."""
    draw = np.random.default_rng(seed)
    times = np.sort(draw.integers(-50, 4 * count // 3, count))
    large = LARGEST_AMOUNT if wild else 30_000
    return {
        "times": times,
        "ids": {"card": draw.integers(-ids, ids, count), "shop": draw.integers(0, ids, count)},
        "amounts": draw.integers(-large if wild else 1, large + 1, count),
        "labels": draw.integers(-1, 2, count),
        "known": times + draw.integers(1, 40, count),
    }


def part(events: Events, which: slice) -> Events:
    """Some of the events, in order."""
    ids = {name: column[which] for name, column in events["ids"].items()}
    return {name: value[which] for name, value in events.items() if name != "ids"} | {"ids": ids}


def expected(entity: Entity, events: Events) -> list[list[int]]:
    """By the definition."""
    columns = [events["times"], events["ids"][entity.name], events["amounts"]]
    columns += [events["labels"], events["known"], events["ids"][entity.other or entity.name]]
    return reference(entity, *[column.tolist() for column in columns])


def joined(answers: list[Answers]) -> Mapping[str, np.ndarray]:
    """The tables of several batches, one after the other."""
    return {
        name: np.concatenate([answer.tables[name] for answer in answers])
        for name in answers[0].tables
    }


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 120), ids=st.integers(1, 9))
def test_every_number_is_the_definitions(seed: int, count: int, ids: int) -> None:
    events = made(count, seed, ids=ids)
    answers = WindowedState(ENTITIES).feed(**events)
    for entity in ENTITIES:
        assert answers.tables[entity.name].tolist() == expected(entity, events)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 60))
def test_without_a_delay_an_event_is_no_part_of_its_own_risk(seed: int, count: int) -> None:
    entity = Entity(name="shop", windows=(7,), delay=0, risk_windows=(4, 25))
    events = made(count, seed)
    told = WindowedState([entity]).feed(**events).tables["shop"].tolist()
    assert told == expected(entity, events)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_batches_and_restarts_change_no_bit(seed: int, cuts: list[int]) -> None:
    events = made(200, seed)
    whole = WindowedState(ENTITIES).feed(**events).tables
    state, answers = WindowedState(ENTITIES), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 200], strict=True):
        answers.append(state.feed(**part(events, slice(start, stop))))
        state = WindowedState.restore(ENTITIES, state.snapshot())
    for name, table in joined(answers).items():
        assert np.array_equal(table, whole[name])


def test_labels_learnt_later_are_labels_fed_with_their_events() -> None:
    events = made(300, 3)
    whole = WindowedState(ENTITIES).feed(**events).tables
    state, answers = WindowedState(ENTITIES), []
    open_labels = np.flatnonzero(events["labels"] >= 0)
    for n in range(300):
        due = [e for e in open_labels if e < n and events["known"][e] <= events["times"][n]]
        open_labels = np.setdiff1d(open_labels, due)
        one = part(events, slice(n, n + 1))
        if due:
            ids = {name: column[due] for name, column in events["ids"].items()}
            # A label is taken in when it becomes known, which is before the next event is scored.
            ready = [e for e in due if events["known"][e] > state.clock]
            keep = np.isin(due, ready)
            ids = {name: column[keep] for name, column in ids.items()}
            state.learn(ids, ready, events["labels"][ready], events["known"][ready])
            assert keep.all()
        answers.append(state.feed(one["times"], one["ids"], one["amounts"]))
    assert np.array_equal(joined(answers)["shop"], whole["shop"])


def test_polars_finds_the_same_numbers_ties_included() -> None:
    events = made(5000, 4, ids=40, wild=False)
    answers = WindowedState(ENTITIES).feed(**events).columns()
    frame = pl.DataFrame(
        {"time": events["times"], "key": events["ids"]["card"], "amount": events["amounts"]}
    ).with_row_index("n")
    running = frame.with_columns(
        pl.col("amount").cum_sum().over("key").alias("sum"),
        pl.col("amount").cum_count().over("key").cast(pl.Int64).alias("count"),
        (pl.col("amount") ** 2).cum_sum().over("key").alias("squares"),
    ).set_sorted("time")
    totals = ["sum", "count", "squares"]
    for window in ENTITIES[0].windows:
        left = running.with_columns((pl.col("time") - window).alias("time")).set_sorted("time")
        before = running.select("time", "key", *[pl.col(t).alias(f"old_{t}") for t in totals])
        both = left.join_asof(
            before, on="time", by="key", strategy="backward", check_sortedness=False
        ).sort("n")
        for total in totals:
            value = (both[total] - both[f"old_{total}"].fill_null(0)).to_numpy()
            if total == "squares":
                ours = answers[f"card_high_{window}"] * 2**40 + answers[f"card_low_{window}"]
            else:
                ours = answers[f"card_{total}_{window}"]
            assert np.array_equal(ours, value), (window, total)


def test_polars_rolling_finds_the_same_numbers_where_no_times_tie() -> None:
    events = made(4000, 5, ids=20, wild=False)
    events["times"] = events["times"] * 2 + np.arange(4000)  # strictly rising
    entity = Entity(name="card", windows=(50, 500), extremes=True, other="shop")
    answers = WindowedState([entity]).feed(events["times"], events["ids"], events["amounts"])
    told = answers.columns()
    frame = pl.DataFrame({"time": events["times"], "amount": events["amounts"]} | events["ids"])
    frame = frame.with_row_index("n")
    for window in entity.windows:
        rolled = (
            frame.rolling("time", period=f"{window}i", group_by="card")
            .agg(
                pl.col("n").last(),
                pl.len().alias("count"),
                pl.col("amount").sum().alias("sum"),
                pl.col("amount").min().alias("min"),
                pl.col("amount").max().alias("max"),
                pl.col("shop").n_unique().alias("distinct"),
            )
            .sort("n")
        )
        for what in ("count", "sum", "min", "max", "distinct"):
            assert np.array_equal(told[f"card_{what}_{window}"], rolled[what].to_numpy()), what


def test_the_handbooks_recipe_finds_the_same_features() -> None:
    pytest.importorskip("pandas", reason="the recipe is pandas")
    from core_kernels.benchmarks.windowed_state import DAY, HANDBOOK, generated, recipe

    rows = generated(3000, customers=40, terminals=60, days=90, seed=6)
    features = recipe(rows)
    answers = WindowedState(HANDBOOK).feed(**rows)
    told = answers.columns()
    for days in (1, 7, 30):
        window = days * DAY
        counts = told[f"customer_count_{window}"]
        assert np.array_equal(counts, features[f"customer_count_{days}"])
        mean = told[f"customer_sum_{window}"] / counts / 100
        np.testing.assert_allclose(mean, features[f"customer_mean_{days}"], rtol=1e-9)
        seen = told[f"terminal_seen_{window}"]
        assert np.array_equal(seen, features[f"terminal_count_{days}"])
        assert np.array_equal(answers.risk("terminal", window), features[f"terminal_risk_{days}"])
    assert answers.risk("terminal", 30 * DAY).max() > 0


@pytest.mark.parametrize("late", ["aside", "arrival"])
def test_late_events_are_marked_and_told_about_as_of_the_clock(late: Any) -> None:
    entity = Entity(name="card", windows=(10,))
    state = WindowedState([entity], late=late)
    state.feed([100, 105], {"card": [1, 1]}, [10, 20])
    answers = state.feed([90, 106], {"card": [1, 1]}, [500, 1])
    told = answers.columns()
    assert answers.late.tolist() == [True, False]
    assert told["card_sum_10"].tolist() == ([30, 31] if late == "aside" else [530, 531])
    assert told["card_since"].tolist() == [0, 1]


def test_sums_and_squares_stand_at_the_largest_amounts() -> None:
    entity = Entity(name="card", windows=(10**6,))
    count = 3000
    state = WindowedState([entity])
    amounts = np.full(count, LARGEST_AMOUNT)
    answers = state.feed(np.arange(count), {"card": np.zeros(count, np.int64)}, amounts)
    told = answers.columns()
    high, low = (int(told[f"card_{name}_1000000"][-1]) for name in ("high", "low"))
    assert int(told["card_sum_1000000"][-1]) == count * LARGEST_AMOUNT
    assert (high << 40) + low == count * LARGEST_AMOUNT**2
    assert answers.squares("card", 10**6)[-1] == float(count * LARGEST_AMOUNT**2)


def test_memory_is_used_again_when_events_leave_their_windows() -> None:
    state = WindowedState(ENTITIES)
    sizes = []
    for round_ in range(6):
        events = made(4000, round_)
        events["times"] += round_ * 10_000
        events["known"] += round_ * 10_000
        state.feed(**events)
        sizes.append(state.nbytes())
    assert sizes[-1] <= 1.01 * sizes[1]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"amounts": [1.5, 2]}, "amounts has dtype float64; give integers"),
        ({"amounts": [1, 2**41]}, f"amounts is {2**41} at position 1"),
        ({"times": [1, 2**62]}, "times is"),
        ({"amounts": [1]}, "amounts has shape"),
        ({"labels": [0, 2]}, "labels has values other than"),
        ({"ids": {"card": [1, 1]}}, "ids has no column 'shop'"),
    ],
)
def test_what_is_not_an_event_is_refused_before_anything_changes(
    change: Events, match: str
) -> None:
    state = WindowedState(ENTITIES)
    events: Events = {"times": [1, 2], "ids": {"card": [1, 1], "shop": [1, 1]}, "amounts": [1, 2]}
    with pytest.raises(ArgumentRefused, match=match):
        state.feed(**{**events, **change})
    assert state.sequence == 0
    assert state.feed(**events).columns()["card_count_5"].tolist() == [1, 2]


def test_a_label_known_before_the_clock_is_refused() -> None:
    state = WindowedState(ENTITIES)
    ids = {"card": [1], "shop": [1]}
    state.feed([10], ids, [5])
    with pytest.raises(ArgumentRefused, match="give times after the clock, 10"):
        state.learn(ids, [0], [1], [10])
    assert state.learn(ids, [0], [1], [11]).tolist() == [True]
    assert state.learn(ids, [7], [1], [11]).tolist() == [False]


@pytest.mark.parametrize("damage", ["heads", "entries", "pending", "window"])
def test_a_damaged_snapshot_is_refused(damage: str) -> None:
    state = WindowedState(ENTITIES)
    state.feed(**made(100, 1))
    kept = state.snapshot()
    if damage == "window":
        kept["card.heads"][0, 7] = 10**9
    else:
        kept[f"shop.{damage}"] = kept[f"shop.{damage}"][:-1, :-1]
    with pytest.raises(ArgumentRefused, match="snapshot"):
        WindowedState.restore(ENTITIES, kept)


def test_a_second_caller_is_told_to_wait() -> None:
    state = WindowedState(ENTITIES)
    with state._alone(), pytest.raises(InUse, match="one caller at a time"):
        state.feed(**made(3, 1))
    state.feed(**made(3, 1))


def test_windows_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ArgumentRefused, match="give both or neither"):
        Entity(name="card", windows=(5,), delay=3)
    with pytest.raises(ArgumentRefused, match="positive"):
        Entity(name="card", windows=(0,))
    with pytest.raises(ArgumentRefused, match="each with its name"):
        WindowedState([ENTITIES[0], ENTITIES[0]])


def moving(count: int, seed: int, *, ids: int = 60) -> Events:
    """Events of entities that come and go: each is busy for a while, and some come back."""
    events = made(count, seed, ids=ids, wild=False)
    draw = np.random.default_rng(seed + 1)
    away = np.arange(count) // 20 - np.where(draw.random(count) < 0.05, ids, 0)
    card = away + draw.integers(0, 4, count)
    events["ids"] = {"card": card, "shop": card // 2 + draw.integers(0, 3, count)}
    return events


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), batch=st.integers(1, 90))
def test_entities_that_were_idle_are_told_what_the_definition_says(seed: int, batch: int) -> None:
    events = moving(600, seed)
    state, answers = WindowedState(ENTITIES), []
    for start in range(0, 600, batch):
        answers.append(state.feed(**part(events, slice(start, start + batch))))
        if start // batch % 3 == 1:
            state = WindowedState.restore(ENTITIES, state.snapshot())
    told = joined(answers)
    for entity in ENTITIES:
        assert told[entity.name].tolist() == expected(entity, events)


def test_memory_is_that_of_the_entities_inside_their_windows() -> None:
    state, held = WindowedState(ENTITIES), []
    for start in range(0, 200_000, 1_000):
        n = np.arange(start, start + 1_000)
        state.feed(n, {"card": n // 3, "shop": n // 2}, n % 100, n % 2, n + 20)
        held.append(state.nbytes())
    # An entity that comes no more keeps its key and a time: a slot of 16 bytes in a table that is
    # a quarter to half full or being made, and 8 beside it. One inside its windows takes 600.
    gone = 200_000 // 3 + 200_000 // 2
    assert held[-1] - held[40] < 120 * gone


def test_a_table_that_is_moved_bit_by_bit_answers_as_one_that_is_not() -> None:
    draw = np.random.default_rng(8)
    count = 150_000
    ids = {"card": draw.integers(0, 120_000, count), "shop": draw.integers(0, 90_000, count)}
    times, amounts = np.arange(count) // 1_000, draw.integers(1, 900, count)
    whole = WindowedState(ENTITIES).feed(times, ids, amounts).tables
    state, answers = WindowedState(ENTITIES), []
    for start in range(0, count, 700):
        here = slice(start, start + 700)
        one = {name: column[here] for name, column in ids.items()}
        answers.append(state.feed(times[here], one, amounts[here]))
    for name, table in joined(answers).items():
        assert np.array_equal(table, whole[name])
