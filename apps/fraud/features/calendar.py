"""Hour and day of the week in a time zone, for whole columns, with daylight saving right.

Offsets of the zone are found once: sampled day by day from 1970 to 2100 and bisected to the second
where they differ. Earlier and later times have the first and the last offset.
"""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from loupe.contract.runtime.errors import InputRefused

_DAY = 86_400
_LAST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())

Array = NDArray[np.int64]


@lru_cache(maxsize=32)
def transitions(timezone: str) -> tuple[Array, Array]:
    """When the offset from UTC changes (seconds since 1970), and the offsets from then on.

    Raises:
        InputRefused: there is no such zone.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputRefused(
            f"timezone is {timezone!r}; give an IANA name such as 'Europe/Paris'.",
            code="unknown_timezone",
        ) from None

    def offset(second: int) -> int:
        moved = datetime.fromtimestamp(second, zone).utcoffset()
        return int(moved.total_seconds()) if moved is not None else 0

    starts, offsets = [-(2**62)], [offset(0)]
    for day in range(_DAY, _LAST, _DAY):
        new = offset(day)
        if new == offsets[-1]:
            continue
        before, after = day - _DAY, day
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (before, middle) if offset(middle) == new else (middle, after)
        starts.append(after)
        offsets.append(new)
    return np.array(starts, np.int64), np.array(offsets, np.int64)


def local(times: Array, timezone: str) -> tuple[Array, Array]:
    """Hour (0–23) and day of the week (Monday is 0) at `times` (milliseconds since 1970)."""
    starts, offsets = transitions(timezone)
    seconds = times // 1000
    if len(starts) > 1:
        seconds = seconds + offsets[np.searchsorted(starts, seconds, side="right") - 1]
    else:
        seconds = seconds + offsets[0]
    return seconds // 3600 % 24, (seconds // _DAY + 3) % 7
