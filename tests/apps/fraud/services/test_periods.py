"""A backtest's form begins with the last whole days of the data."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.fraud.services import periods
from tests.apps.fraud.bank import Bank, paid

ZONE = ZoneInfo("Europe/Berlin")


def at(bank: Bank, *moments: datetime) -> None:
    rows = []
    for number, moment in enumerate(moments):
        ms = int(moment.timestamp() * 1000)
        rows.append(paid(number, f"C-{number}", event_time=ms, known_at=ms))
    bank.store(*rows)


def test_without_transactions_there_is_no_period(bank: Bank) -> None:
    assert periods.newest(bank.actor("viewer"), bank.project) is None


@pytest.mark.parametrize(("hour", "stop"), [(14, 31), (23, 32)])
def test_the_last_28_whole_days_end_before_a_day_that_is_not_over(
    bank: Bank, hour: int, stop: int
) -> None:
    last = datetime(2026, 3, 31, hour, 59, tzinfo=ZONE)
    at(bank, last - timedelta(days=200), last)
    found = periods.newest(bank.actor("viewer"), bank.project)
    assert found is not None
    midnight = datetime(2026, 3, 1, tzinfo=ZONE) + timedelta(days=stop - 1)
    # The clock went forward meanwhile: days count, not hours.
    assert (found.stop, found.start, found.days) == (midnight, midnight - timedelta(days=28), 28)
    assert (found.start.hour, found.stop.hour) == (0, 0)
    assert found.last == last


def test_fewer_days_are_taken_from_their_first(bank: Bank) -> None:
    first = datetime(2026, 3, 10, 9, tzinfo=ZONE)
    at(bank, first, first + timedelta(days=3))
    found = periods.newest(bank.actor("viewer"), bank.project)
    assert found is not None
    assert found.start == datetime(2026, 3, 10, tzinfo=ZONE)
    assert found.days == 3


def test_a_single_day_is_taken_whole(bank: Bank) -> None:
    at(bank, datetime(2026, 3, 10, 9, tzinfo=ZONE))
    found = periods.newest(bank.actor("viewer"), bank.project)
    assert found is not None
    assert (found.start.day, found.stop.day, found.days) == (10, 11, 1)


@pytest.mark.parametrize("ms", [-(2**60), 2**60])
def test_a_time_of_no_calendar_breaks_no_form(bank: Bank, ms: int) -> None:
    bank.store(paid(1, event_time=ms, known_at=ms))
    assert periods.newest(bank.actor("viewer"), bank.project) is not None


def test_the_form_begins_with_the_period_and_keeps_what_was_typed(bank: Bank) -> None:
    last = datetime(2026, 3, 31, 14, tzinfo=ZONE)
    at(bank, last - timedelta(days=90), last)
    client = bank.client("engineer")
    html = client.get(bank.url("backtests/")).content.decode()
    assert 'name="start" value="2026-03-03T00:00"' in html
    assert 'name="stop" value="2026-03-31T00:00"' in html
    assert "last 28 whole days" in html
    html = client.get(bank.url("backtests/?start=2026-01-01T00:00")).content.decode()
    assert 'name="start" value="2026-01-01T00:00"' in html
    chinese = client.get(bank.url("backtests/"), headers={"Accept-Language": "zh-hans"})
    assert "28 个完整自然日" in chinese.content.decode()
