"""What may be put on the timetable, and when it then runs."""

from datetime import UTC, datetime, timedelta

import pytest

from loupe.schedules.errors import InvalidSchedule
from loupe.schedules.timing import Timing


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        ("30 2 * * *", "UTC", "2026-11-22T02:00:00+00:00", "2026-11-22T02:30:00+00:00"),
        ("30 2 * * *", "Asia/Shanghai", "2026-11-22T02:00:00+00:00", "2026-11-22T18:30:00+00:00"),
        ("*/15 * * * *", "UTC", "2026-11-22T02:01:00+00:00", "2026-11-22T02:15:00+00:00"),
        ("0 6 * * mon-fri", "UTC", "2026-11-21T00:00:00+00:00", "2026-11-23T06:00:00+00:00"),
        ("0 0 29 2 *", "UTC", "2026-11-22T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        (
            "30 8 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00+00:00",
            "2026-10-25T07:30:00+00:00",
        ),
    ],
)
def test_cron_fields_count_in_their_zone(cron: str, zone: str, after: str, due: str) -> None:
    timing = Timing(cron=cron, time_zone=zone)
    assert timing.next_after(datetime.fromisoformat(after)) == datetime.fromisoformat(due)


def test_spaces_in_cron_fields_do_not_matter() -> None:
    assert Timing(cron="  30  2 * * *  ").cron == "30 2 * * *"


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("30 2 * *", "it has 4 fields, not five"),
        ("0 30 2 * * *", "it has 6 fields, not five"),
        ("@daily", "it has 1 fields"),
        ("61 2 * * *", "61"),
        ("30 24 * * *", "24"),
        ("30 2 0 * *", "0"),
        ("30 2 * 13 *", "13"),
        ("30 2 * * 8", "8"),
        ("30 2 * * funday", "'funday' is no day_of_week"),
        ("30 2 * * fun", "fun"),
        ("*/0 2 * * *", "zero"),
        ("*/5x 2 * * *", "no minute"),
        ("30 2; * * *", "no hour"),
        ("-1 2 * * *", "no minute"),
        ("0 0 31 2 *", "31"),
    ],
)
def test_cron_fields_that_cannot_be_are_refused_with_the_reason_and_an_example(
    cron: str, why: str
) -> None:
    with pytest.raises(InvalidSchedule, match=why) as caught:
        Timing(cron=cron)
    assert caught.value.code == "cron_invalid"
    assert "30 2 * * 1-5" in caught.value.message


@pytest.mark.parametrize("seconds", [-1, 0, 9, 366 * 24 * 3600 + 1])
def test_intervals_outside_ten_seconds_and_a_year_are_refused(seconds: int) -> None:
    with pytest.raises(InvalidSchedule, match="10 s to 31622400 s"):
        Timing(interval_seconds=seconds)


def test_an_interval_counts_from_the_last_run() -> None:
    now = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
    timing = Timing(interval_seconds=600)
    assert timing.next_after(now) == now + timedelta(seconds=600)
    assert timing.next_after(now, now - timedelta(seconds=200)) == now + timedelta(seconds=400)
    assert timing.next_after(now, now - timedelta(days=1)) == now


@pytest.mark.parametrize(
    "given", [{}, {"cron": " "}, {"cron": "* * * * *", "interval_seconds": 60}]
)
def test_both_or_none_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidSchedule, match="either five cron fields or an interval"):
        Timing(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("zone", ["Mars/Base", "", "CEST", "../etc/passwd"])
def test_a_zone_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(InvalidSchedule, match="no IANA time zone"):
        Timing(cron="* * * * *", time_zone=zone)
