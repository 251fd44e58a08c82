"""When an upload that nobody goes on with is removed."""

from datetime import datetime, timedelta


def next_expiry(now: datetime, hours: int) -> datetime:
    """`hours` from `now`, to the full second: HTTP dates have no more."""
    return (now + timedelta(hours=hours)).replace(microsecond=0)
