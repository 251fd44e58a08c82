"""Promises of times: every way of writing them gives the millisecond Python's own parser gives."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.tables.raw import Raw, text_column
from apps.fraud.tables.time_column import TimeColumn, TimeFormat
from apps.fraud.tables.times import read_times

MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def read(
    texts: list[str | None], form: TimeFormat, zone: str = "UTC"
) -> tuple[list[int], list[bool]]:
    column = TimeColumn(column="t", format=form, timezone=zone)
    found, bad = read_times(text_column(texts), column)
    return found.tolist(), bad.tolist()


def milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@settings(deadline=None)
@given(
    moments=st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1, max_size=30),
    timespec=st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
    gap=st.sampled_from("T "),
)
def test_iso_8601_is_read_as_python_reads_it(
    moments: list[tuple[datetime, timezone]], timespec: str, gap: str
) -> None:
    texts = [
        moment.replace(tzinfo=zone).isoformat(gap, timespec=timespec) for moment, zone in moments
    ]
    found, bad = read(list(texts), "iso")
    assert not any(bad)
    assert found == [milliseconds(datetime.fromisoformat(text)) for text in texts]


@settings(deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=30), sign=st.sampled_from("/.-"))
def test_day_first_and_month_first_are_told_apart_by_the_mapping(
    moments: list[datetime], sign: str
) -> None:
    wanted = [milliseconds(moment.replace(microsecond=0, tzinfo=UTC)) for moment in moments]
    for form, pattern in (("day_first", "%d{0}%m{0}%Y"), ("month_first", "%m{0}%d{0}%Y")):
        texts: list[str | None] = [
            moment.strftime(pattern.format(sign) + " %H:%M:%S") for moment in moments
        ]
        assert read(texts, form)[0] == wanted  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(st.integers(0, 4 * 10**12), min_size=1, max_size=20))
def test_epochs_are_read_as_numbers_and_as_texts(values: list[int]) -> None:
    for form, scale in (("epoch_ms", 1), ("epoch_us", 1000), ("epoch_ns", 10**6)):
        given = [value * scale for value in values]
        numbers = Raw(np.array(given), np.zeros(len(given), dtype=np.bool_))
        column = TimeColumn(column="t", format=form)  # type: ignore[arg-type]
        assert read_times(numbers, column)[0].tolist() == values
        assert read([str(one) for one in given], form)[0] == values  # type: ignore[arg-type]
    seconds = [f"{value // 1000}.{value % 1000:03d}" for value in values]
    assert read(list(seconds), "epoch_s")[0] == values


@settings(deadline=None)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=40))
def test_local_times_are_those_of_the_zone_and_left_out_hours_are_unreadable(
    moments: list[datetime],
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    texts: list[str | None] = [moment.isoformat(" ", "seconds") for moment in moments]
    found, bad = read(texts, "iso", "Europe/Berlin")
    for text, got, unreadable in zip(texts, found, bad, strict=True):
        local = datetime.fromisoformat(str(text)).replace(tzinfo=zone)
        exists = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(
            tzinfo=None
        )
        assert unreadable == (not exists)
        if exists:
            assert got == milliseconds(local.astimezone(UTC))


def test_an_hour_that_the_clocks_left_out_does_not_exist() -> None:
    found, bad = read(["2024-03-31 02:30:00", "2024-03-31 03:30:00"], "iso", "Europe/Berlin")
    assert bad == [True, False]
    assert found[1] == milliseconds(datetime(2024, 3, 31, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2024-13-01",
        "2024-00-10",
        "2023-02-29",
        "2024-01-01 24:00",
        "2024-01-01 1",
        "x",
        "2024-01-01 10:61",
        "12/12/2024",
        "2024-01-01 10:00+99:00",
        "٢٠٢٤-٠١-٠١",
        "1" * 70,
        "dddd-dd-dd",
    ],
)
def test_what_is_no_time_is_unreadable(text: str) -> None:
    assert read([text, "2024-01-01"], "iso")[1] == [True, False]


def test_halves_of_the_day_are_understood() -> None:
    found, bad = read(["1/2/2024 12:05 AM", "1/2/2024 12:05 PM", "1/2/2024 3:05 pm"], "month_first")
    assert not any(bad)
    assert [(one // 60_000) % 1440 for one in found] == [5, 725, 905]


def test_missing_times_are_not_unreadable_and_texts_are_no_epochs_by_chance() -> None:
    assert read([None, ""], "iso") == ([0, 0], [False, False])
    assert read(["1700000000"], "iso")[1] == [True]
    numbers = Raw(np.array([1.7e9, np.nan, np.inf]), np.zeros(3, dtype=np.bool_))
    found, bad = read_times(numbers, TimeColumn(column="t", format="epoch_s"))
    assert (found[0], bad.tolist()) == (1_700_000_000_000, [False, True, True])
