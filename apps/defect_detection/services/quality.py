"""Figures of quality over parts: what fails, where, since when, what escaped, what was overkill.

One answer is six queries over the span, whatever its size. Rates are per part and carry their
Clopper–Pearson interval (Clopper and Pearson, Biometrika 26, 1934).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from apps.defect_detection.models import Defect, Finding
from apps.defect_detection.services.parts import Filters, matching
from loupe.contract.runtime.steps import load
from loupe.host.people import Action, Actor, Project, require

USUAL_DAYS = 30
MOST_BARS = 20
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: parts, of them bad ones. `key` is the filter's value that shows them."""

    key: str
    name: str
    parts: int
    bad: int
    share: float
    """Of the bars' parts that are bad, up to and including this bar; from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day in the project's zone."""

    day: date
    parts: int
    passed: int
    failed: int
    review: int
    escaped: int
    overkilled: int


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`count` of `of`; `low` and `high` bound the rate with 95 % confidence. None: of nothing."""

    count: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Everything the page and REST show.

    Attributes:
        escape: parts that the machine passed, of those known to be bad.
        overkill: parts that the machine failed, of those a person found good.
        found_later: findings by where they were made.
    """

    since: date
    until: date
    parts: int
    passed: int
    failed: int
    review: int
    escape: Rate
    overkill: Rate
    defects: tuple[Bar, ...]
    lots: tuple[Bar, ...]
    stations: tuple[Bar, ...]
    days: tuple[Day, ...]
    found_later: tuple[Bar, ...]


def span(project: Project, filters: Filters) -> Filters:
    """The filters with the usual span where they name none: the last 30 days."""
    today = timezone.now().astimezone(ZoneInfo(project.time_zone)).date()
    until = filters.until or today.isoformat()
    first = date.fromisoformat(until) - timedelta(days=USUAL_DAYS - 1)
    since = filters.since or first.isoformat()
    return Filters(**{**filters.chosen(), "since": since, "until": until})


def figures(actor: Actor, project: Project, filters: Filters) -> Quality:
    """The figures of the parts that `filters` let through.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    filters = span(project, filters)
    rows = matching(project, filters).select_related(None).order_by()
    bad = Q(outcome="fail") | Q(outcome="review")
    totals = rows.aggregate(
        parts=Count("pk"),
        passed=Count("pk", filter=Q(outcome="pass")),
        failed=Count("pk", filter=Q(outcome="fail")),
        review=Count("pk", filter=Q(outcome="review")),
        escaped=Count("pk", filter=Q(escaped=True)),
        known_bad=Count("pk", filter=Q(outcome="fail", reviewed=True)),
        overkilled=Count("pk", filter=Q(overkilled=True)),
        known_good=Count("pk", filter=Q(outcome="pass", reviewed=True)),
    )
    by_day = {
        row["day"]: row
        for row in rows.annotate(day=TruncDate("last_at", tzinfo=ZoneInfo(project.time_zone)))
        .values("day")
        .annotate(
            parts=Count("pk"),
            passed=Count("pk", filter=Q(outcome="pass")),
            failed=Count("pk", filter=Q(outcome="fail")),
            review=Count("pk", filter=Q(outcome="review")),
            escapes=Count("pk", filter=Q(escaped=True)),
            overkills=Count("pk", filter=Q(overkilled=True)),
        )
    }
    lots = rows.values("lot").annotate(parts=Count("pk"), bad=Count("pk", filter=bad))
    stations = rows.values("station__key", "station__name").annotate(
        parts=Count("pk"), bad=Count("pk", filter=bad)
    )
    defects = (
        Defect.objects.filter(view__part__in=rows.exclude(outcome="pass"), view__replaced=False)
        .values("label")
        .annotate(bad=Count("view__part", distinct=True))
    )
    later = (
        Finding.objects.filter(part__in=rows, withdrawn_at=None)
        .values("place")
        .annotate(bad=Count("part", distinct=True))
    )
    return Quality(
        since=date.fromisoformat(filters.since),
        until=date.fromisoformat(filters.until),
        parts=totals["parts"],
        passed=totals["passed"],
        failed=totals["failed"],
        review=totals["review"],
        escape=rate(totals["escaped"], totals["known_bad"]),
        overkill=rate(totals["overkilled"], totals["known_good"]),
        defects=_bars([(r["label"], r["label"], r["bad"], r["bad"]) for r in defects]),
        lots=_bars([(r["lot"], r["lot"] or "–", r["parts"], r["bad"]) for r in lots]),
        stations=_bars(
            [
                (r["station__key"] or "", r["station__name"] or "–", r["parts"], r["bad"])
                for r in stations
            ]
        ),
        days=_days(filters, by_day),
        found_later=_bars([(r["place"], r["place"] or "–", r["bad"], r["bad"]) for r in later]),
    )


def rate(count: int, of: int) -> Rate:
    """A rate with its exact binomial interval."""
    # Named by string: a process that shows no rate needs no SciPy.
    found = load("apps.defect_detection.operating.bounds:rate")(count, of, CONFIDENCE)
    return Rate(count=count, of=of, rate=found.value, low=found.low, high=found.high)


def _bars(found: list[tuple[str, str, int, int]]) -> tuple[Bar, ...]:
    """The largest bars first, with the cumulative share that makes a Pareto chart."""
    found = sorted((row for row in found if row[3]), key=lambda row: (-row[3], row[1]))
    whole = sum(row[3] for row in found)
    bars, reached = [], 0
    for key, name, parts, bad in found[:MOST_BARS]:
        reached += bad
        bars.append(Bar(key=key, name=name, parts=parts, bad=bad, share=reached / whole))
    return tuple(bars)


def _days(filters: Filters, found: Mapping[date, Mapping[str, Any]]) -> tuple[Day, ...]:
    """Every day of the span, also those without parts."""
    day, last = date.fromisoformat(filters.since), date.fromisoformat(filters.until)
    days: list[Day] = []
    while day <= last and len(days) <= 3660:
        row = found.get(day, {})
        days.append(
            Day(
                day=day,
                parts=row.get("parts", 0),
                passed=row.get("passed", 0),
                failed=row.get("failed", 0),
                review=row.get("review", 0),
                escaped=row.get("escapes", 0),
                overkilled=row.get("overkills", 0),
            )
        )
        day += timedelta(days=1)
    return tuple(days)
