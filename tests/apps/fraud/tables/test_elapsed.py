"""Promises of seeing counts of time: by name and values, and never what is a time or a date."""

from collections.abc import Sequence

import numpy as np
import pytest

from apps.fraud.tables.elapsed import Elapsed, elapsed, named, told_unit, unit_of
from apps.fraud.tables.raw import Raw, text_column


def seen(values: Sequence[object], epochs: float = 0.0) -> Elapsed | None:
    if all(isinstance(value, str) for value in values):
        return elapsed(text_column([str(value) for value in values]), epochs)
    return elapsed(Raw(np.array(values), np.zeros(len(values), dtype=np.bool_)), epochs)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("step", "since_h"),
        ("time_step", "since_h"),
        ("TransactionDT", "since_s"),
        ("TX_TIME_SECONDS", "since_s"),
        ("TX_TIME_DAYS", "since_d"),
        ("elapsed_ms", "since_ms"),
        ("Time (min)", "since_min"),
        ("elapsed time hours", "since_h"),
        ("毫秒", "since_ms"),
        ("时间秒", "since_s"),
        ("Sekunden", "since_s"),
        ("tage", "since_d"),
        ("elapsed", "since_s"),
    ],
)
def test_names_that_are_usual_are_known_with_their_unit(name: str, unit: str) -> None:
    assert named(name) >= 0.9
    assert unit_of(name, Elapsed(0, 743, rising=True, numbering=False)) == unit


@pytest.mark.parametrize(
    "name",
    [
        *("days_since_last_tx", "customer_age_days", "amount", "V1", "account_id", "stepson"),
        *("seconds_hand", "hour", "day", "minute", "小时"),
    ],
)
def test_what_merely_holds_such_a_word_is_no_time(name: str) -> None:
    assert named(name) == 0


def test_a_unit_that_would_take_centuries_gives_way_to_a_finer_one() -> None:
    assert told_unit("TX_TIME_DAYS") == "since_d"
    assert unit_of("TX_TIME_DAYS", Elapsed(0, 10**6, rising=True, numbering=False)) == "since_s"
    assert unit_of("step", Elapsed(0, 10**11, rising=True, numbering=False)) == "since_ms"


def test_values_are_told_with_their_order() -> None:
    assert seen(["1", "1", "2", "7"]) == Elapsed(1, 7, rising=True, numbering=False)
    assert seen([3, 4, 5]) == Elapsed(3, 5, rising=True, numbering=True)
    assert seen([0.0, 9.0, 2.0]) == Elapsed(0, 9, rising=False, numbering=False)
    assert seen(["0"] * 19 + ["broken"]) == Elapsed(0, 0, rising=True, numbering=False)


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 1.0, 1.5],
        [-3, -2, -1],
        ["a", "b"],
        [20240131, 20240201, 20240229],
        [10**13, 10**13 + 1],
        [float("nan")] * 3,
        [True, False],
    ],
)
def test_what_cannot_be_a_count_of_time_is_none(values: list[object]) -> None:
    assert seen(values) is None


def test_sizes_of_times_since_1970_are_none() -> None:
    assert seen([1_700_000_000, 1_700_000_001], epochs=1.0) is None
