"""What rules did on one day of stored transactions."""

from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.fraud.policy.asked import CountAsked, Counted, Counts
from apps.fraud.policy.reading import labels_of, newest_of_each, together
from apps.fraud.rules.counting import counts
from apps.fraud.rules.nodes import names
from apps.fraud.rules.parsing import parse

_FROM_TIME = {"hour", "day", "weekday", "weekend"}
_ALWAYS = ("id", "event_time", "amount", "refused", "label")


def count(asked: CountAsked) -> Counts:
    """The counts of each rule on the day that is asked for, or else the last day there is."""
    times = [together([block], ["event_time"])["event_time"] for block in asked.blocks]
    if not times or not sum(len(one) for one in times):
        return Counts()
    start, end = asked.day_start, asked.day_end
    meant = any(_within(one, start, end).any() for one in times)
    if not meant:
        start, end = _last_day(max(int(one.max()) for one in times if len(one)), asked.timezone)
    chosen = [
        block
        for block, one in zip(asked.blocks, times, strict=True)
        if _within(one, start, end).any()
    ]
    read = set().union(*(names(parse(rule.when)) for rule in asked.rules)) - _FROM_TIME
    columns = together(chosen, [*_ALWAYS, *sorted(read - set(_ALWAYS))])
    kept = newest_of_each(columns["id"])
    taken = columns.get("refused", np.full(len(columns["id"]), ""))[kept] == ""
    kept = kept[_within(columns["event_time"][kept], start, end) & taken]
    columns = {name: column[kept] for name, column in columns.items()}
    labels = labels_of(columns, asked.labels)
    found = counts(asked.rules, columns, asked.timezone, labels)
    return Counts(
        rows=len(kept),
        day_start=start,
        asked_day=meant,
        counts=tuple(Counted(**asdict(one)) for one in found),
    )


def _within(times: NDArray[np.int64], start: int, end: int) -> NDArray[np.bool_]:
    return np.asarray((times >= start) & (times < end))


def _last_day(moment: int, zone: str) -> tuple[int, int]:
    """The local day that a moment lies in, in milliseconds UTC; it may have 23 or 25 hours."""
    clock = UTC if zone == "UTC" else ZoneInfo(zone)
    day = datetime.fromtimestamp(moment / 1000, tz=clock).date()
    start, end = (
        datetime.combine(one, time(), tzinfo=clock) for one in (day, day + timedelta(days=1))
    )
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)
