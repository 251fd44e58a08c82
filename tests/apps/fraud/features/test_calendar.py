"""Local hours and days against the standard library, second by second around the changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.features.calendar import local, transitions
from loupe.contract.runtime.errors import InputRefused

ZONES = ("UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "Asia/Shanghai")
END = int(datetime(2099, 12, 1, tzinfo=UTC).timestamp())


def agrees(seconds: list[int], zone: str) -> None:
    hours, days = local(np.array(seconds, np.int64) * 1000 + 999, zone)
    told = [datetime.fromtimestamp(second, ZoneInfo(zone)) for second in seconds]
    assert hours.tolist() == [one.hour for one in told]
    assert days.tolist() == [one.weekday() for one in told]


@pytest.mark.parametrize("zone", ZONES)
def test_hours_and_days_are_the_zones_around_every_change(zone: str) -> None:
    changes = transitions(zone)[0][1:].tolist()
    agrees([0, *(change + off for change in changes for off in (-1, 0, 1))], zone)


@given(st.lists(st.integers(0, END), min_size=1), st.sampled_from(ZONES))
def test_hours_and_days_are_the_zones_at_any_time(seconds: list[int], zone: str) -> None:
    agrees(seconds, zone)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_a_zone_that_is_not_there_is_refused(zone: str) -> None:
    with pytest.raises(InputRefused, match="IANA name"):
        transitions(zone)
