"""Which past a form offers: the last whole days of a project's transactions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Min

from apps.fraud.models import Entity
from apps.fraud.services.entity_index import keeping_up
from loupe.host.people import Action, Actor, Project, require

DAYS = 28
LATE_HOUR = 23
"""A last day with transactions from this hour on counts as whole."""
EARLIEST, LATEST = -60_000_000_000_000, 250_000_000_000_000
"""Milliseconds of moments whose neighbouring weeks are in the calendar too."""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Whole days of the project's time zone; `stop` is not part of it.

    Attributes:
        days: how many.
        last: of the latest transaction.
    """

    start: datetime
    stop: datetime
    days: int
    last: datetime


def newest(actor: Actor, project: Project) -> Period | None:
    """The last `DAYS` whole days with transactions, or all days where there are fewer; None: there
    is no transaction.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    keeping_up.catch_up(project.pk)
    rows = Entity.objects.filter(project=project)
    last_ms = rows.order_by("-last_ms").values_list("last_ms", flat=True).first()
    if last_ms is None:
        return None
    # Sums of days are of the clock on the wall, so midnights stay midnights.
    zone, day = ZoneInfo(project.time_zone), timedelta(days=1)
    last = _at(last_ms, zone)
    stop = _midnight(last) + (day if last.hour >= LATE_HOUR else timedelta())
    start = stop - DAYS * day
    if not rows.filter(first_ms__lte=int(start.timestamp() * 1000)).exists():
        first_ms = rows.aggregate(first=Min("first_ms"))["first"]
        start = _midnight(_at(first_ms, zone))
    if start >= stop:
        stop = start + day  # one day only, and it is not over
    return Period(start=start, stop=stop, days=(stop - start).days, last=last)


def _at(ms: int, zone: ZoneInfo) -> datetime:
    """A moment of the log; one of no calendar becomes its nearest end."""
    return datetime.fromtimestamp(min(max(ms, EARLIEST), LATEST) / 1000, UTC).astimezone(zone)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
