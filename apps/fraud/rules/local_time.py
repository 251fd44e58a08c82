"""Hours and days as the project's clocks show them.

Offsets of a time zone change on quarters of an hour, so each quarter that occurs is looked up once,
however many transactions it holds.
"""

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

QUARTER, HOUR, DAY = 900_000, 3_600_000, 86_400_000
"""Milliseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
_LAST = 253_402_300_800_000 - 2 * DAY
"""Milliseconds: the calendar ends with the year 9999."""


@lru_cache(maxsize=16)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def known_zone(name: str) -> bool:
    """Whether there are clocks of this name."""
    if name == "UTC":
        return True
    try:
        _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=65_536)
def _offset(quarter: int, name: str) -> int:
    """Milliseconds that local time is ahead of UTC in a quarter of an hour."""
    moment = _EPOCH + timedelta(milliseconds=quarter * QUARTER)
    ahead = moment.astimezone(_zone(name)).utcoffset()
    return round(ahead.total_seconds() * 1000) if ahead else 0


def local(times: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Milliseconds since 1970 as local clocks count them; `zone` is a name of the IANA."""
    known = np.clip(np.asarray(times, dtype=np.int64), 0, _LAST)
    if zone == "UTC":
        return known
    quarters, place = np.unique(known // QUARTER, return_inverse=True)
    ahead = np.array([_offset(int(quarter), zone) for quarter in quarters], dtype=np.int64)
    shifted: NDArray[np.int64] = known + ahead[place]
    return shifted


def local_one(time: int, zone: str) -> int:
    """The same for one moment."""
    known = min(max(time, 0), _LAST)
    return known if zone == "UTC" else known + _offset(known // QUARTER, zone)
