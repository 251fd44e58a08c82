"""Promises of counts from a start: each is the moment that Python's own calendar gives."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.tables.raw import Raw, text_column
from apps.fraud.tables.since import read_counts, require_past
from apps.fraud.tables.time_column import TimeColumn, TimeFormat
from loupe.contract.runtime.errors import InputRefused

UNITS: dict[TimeFormat, timedelta] = {
    "since_ms": timedelta(milliseconds=1),
    "since_s": timedelta(seconds=1),
    "since_min": timedelta(minutes=1),
    "since_h": timedelta(hours=1),
    "since_d": timedelta(days=1),
}
STARTS = st.datetimes(datetime(1970, 1, 1), datetime(2050, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def column(form: TimeFormat = "since_h", start: datetime = START) -> TimeColumn:
    return TimeColumn(column="step", format=form, start=start)


def moments(raw: Raw, of: TimeColumn) -> list[datetime]:
    found, bad = read_counts(raw, of)
    assert not any(mask.any() for mask in bad.values())
    return [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms) for ms in found.tolist()]


def codes(raw: Raw, of: TimeColumn) -> list[str]:
    """The code of each row; empty: it is good."""
    _, bad = read_counts(raw, of)
    return ["+".join(code for code, mask in bad.items() if mask[row]) for row in range(len(raw))]


@settings(deadline=None)
@given(start=STARTS, form=st.sampled_from(list(UNITS)), data=st.data())
def test_any_start_and_unit_come_back_from_texts_and_numbers(
    start: datetime, form: TimeFormat, data: st.DataObject
) -> None:
    unit = UNITS[form]
    most = (datetime(2100, 1, 1, tzinfo=UTC) - timedelta(milliseconds=1) - start) // unit
    counts = data.draw(st.lists(st.integers(0, most), min_size=1, max_size=20))
    wanted = [start + count * unit for count in counts]
    of = column(form, start)
    there = np.zeros(len(counts), dtype=np.bool_)
    assert moments(text_column([str(count) for count in counts]), of) == wanted
    assert moments(text_column([f" {count}.000" for count in counts]), of) == wanted
    assert moments(text_column([f"+{count}e+00" for count in counts]), of) == wanted
    assert moments(Raw(np.array(counts, dtype=np.int64), there), of) == wanted
    assert moments(Raw(np.array(counts, dtype=np.float64), there), of) == wanted


def test_a_power_of_ten_as_r_writes_it_is_a_whole_number() -> None:
    raw = text_column(["1e+05", "1E5", "1.2e1", "1.20e+01", "120e-1", "0e0", "-0"])
    found, bad = read_counts(raw, column("since_s"))
    assert not any(mask.any() for mask in bad.values())
    seconds = (found - found[-1]) // 1000
    assert seconds.tolist() == [100_000, 100_000, 12, 12, 12, 0, 0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("-1", "count_negative"),
        ("-0.5", "count_negative"),
        ("-1e3", "count_negative"),
        ("1.5", "count_not_whole"),
        ("0.0000001", "count_not_whole"),
        ("1e-3", "count_not_whole"),
        ("NaN", "count_unreadable"),
        ("inf", "count_unreadable"),
        ("1,5", "count_unreadable"),
        ("1h", "count_unreadable"),
        ("2026-01-01", "count_unreadable"),
        ("0x10", "count_unreadable"),
        ("648672", "count_past_2099"),
        ("9" * 19, "count_past_2099"),
        ("1e18", "count_past_2099"),
        ("1e999", "count_past_2099"),
        ("648671", ""),
    ],
)
def test_what_is_no_count_has_a_code_of_its_own(text: str, code: str) -> None:
    assert (datetime(2100, 1, 1, tzinfo=UTC) - START) // timedelta(hours=1) == 648_672
    assert codes(text_column([text, "3"]), column()) == [code, ""]


def test_numbers_are_judged_as_texts_are() -> None:
    values = np.array([np.nan, np.inf, -np.inf, -2.0, 2.5, 1e300, 2.0, -0.0])
    assert codes(Raw(values, np.zeros(8, dtype=np.bool_)), column()) == [
        *("count_unreadable", "count_unreadable", "count_unreadable", "count_negative"),
        *("count_not_whole", "count_past_2099", "", ""),
    ]
    whole = np.array([-1, 2**62, -(2**63), 2**63 - 1, 0])
    assert codes(Raw(whole, np.zeros(5, dtype=np.bool_)), column()) == [
        *("count_negative", "count_past_2099", "count_negative", "count_past_2099", ""),
    ]


def test_missing_rows_are_in_no_code_and_times_are_no_counts() -> None:
    missing = np.array([True, True])
    for values in (np.array([-5, 3]), np.array([np.nan, 0.5]), np.array(["", "x"])):
        assert codes(Raw(values, missing), column()) == ["", ""]
    times = np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[ms]")
    there = np.zeros(2, dtype=np.bool_)
    for values in (times, np.array([True, False])):
        assert codes(Raw(values, there), column()) == ["count_unreadable"] * 2


def test_a_start_that_is_still_to_come_is_refused_by_column_and_start() -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    with pytest.raises(InputRefused, match=r"'step' counts from .* still to come") as refused:
        require_past(column(start=later), ahead=3_600)
    assert refused.value.code == "start_ahead"
    assert f"{later:%Y-%m-%d %H:%M} UTC" in refused.value.message
    require_past(column(start=later), ahead=8_000)
    require_past(TimeColumn(column="at"), ahead=0)
