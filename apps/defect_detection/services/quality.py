"""Figures of quality over parts: what fails, where, since when, what escaped, what was overkill.

Parts are counted in one pass over an index, whatever the span. Rates are per part and carry their
Clopper–Pearson interval (Clopper and Pearson, Biometrika 26, 1934).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from apps.defect_detection.models import Defect, Finding, Part, Station
from apps.defect_detection.services.parts import Filters, matching
from loupe.contract.runtime.steps import load
from loupe.host.people import Action, Actor, Project, require

USUAL_DAYS = 30
MOST_BARS = 20
MOST_DAYS = 3660
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
    groups = _groups(rows)
    defects = Defect.objects.filter(view__replaced=False, view__part__in=_bad(rows))
    found = defects.values("label").annotate(bad=Count("view__part", distinct=True))
    later = (
        # From the findings, which are few, to their parts, and not through all parts.
        Finding.objects.filter(Exists(rows.filter(pk=OuterRef("part"))), withdrawn_at=None)
        .values("place")
        .annotate(bad=Count("part", distinct=True))
    )
    whole = _sum(groups)
    names = dict(Station.objects.filter(project=project).values_list("pk", "name"))
    keys = dict(Station.objects.filter(project=project).values_list("pk", "key"))
    stations = _by(groups, "station")
    return Quality(
        since=date.fromisoformat(filters.since),
        until=date.fromisoformat(filters.until),
        parts=whole.parts,
        passed=whole.passed,
        failed=whole.failed,
        review=whole.review,
        escape=rate(whole.escaped, whole.known_bad),
        overkill=rate(whole.overkilled, whole.known_good),
        defects=_bars([(r["label"], r["label"], r["bad"], r["bad"]) for r in found]),
        lots=_bars([(lot, lot or "–", s.parts, s.bad) for lot, s in _by(groups, "lot").items()]),
        stations=_bars(
            [
                (keys.get(pk, ""), names.get(pk, "–"), sums.parts, sums.bad)
                for pk, sums in stations.items()
            ]
        ),
        days=_days(filters, _by(groups, "day")),
        found_later=_bars([(r["place"], r["place"] or "–", r["bad"], r["bad"]) for r in later]),
    )


@dataclass
class _Sums:
    """Parts of one bar or day."""

    parts: int = 0
    passed: int = 0
    failed: int = 0
    review: int = 0
    escaped: int = 0
    overkilled: int = 0
    known_bad: int = 0
    known_good: int = 0

    @property
    def bad(self) -> int:
        """Parts that did not pass."""
        return self.failed + self.review

    def add(self, group: Mapping[str, Any]) -> None:
        """Count the parts of one group."""
        count, outcome, reviewed = group["parts"], group["outcome"], group["reviewed"]
        self.parts += count
        self.passed += count * (outcome == "pass")
        self.failed += count * (outcome == "fail")
        self.review += count * (outcome == "review")
        self.escaped += count * group["escaped"]
        self.overkilled += count * group["overkilled"]
        self.known_bad += count * (outcome == "fail" and reviewed)
        self.known_good += count * (outcome == "pass" and reviewed)


def _groups(rows: "QuerySet[Part]") -> list[dict[str, Any]]:
    """Parts counted by everything that is shown, in one pass over the index `part_quality`.

    In its own order, product included, so that the database counts as it reads and sorts nothing.
    """
    by = ("day", "product", "station", "lot", "outcome", "reviewed", "escaped", "overkilled")
    return list(rows.values(*by).annotate(parts=Count("pk")))


def _bad(rows: "QuerySet[Part]") -> "QuerySet[Part]":
    # Two values, not "other than pass": so the database can look them up.
    return rows.filter(outcome__in=("fail", "review"))


def _sum(groups: Iterable[Mapping[str, Any]]) -> _Sums:
    sums = _Sums()
    for group in groups:
        sums.add(group)
    return sums


def _by(groups: Iterable[Mapping[str, Any]], name: str) -> dict[Any, _Sums]:
    found: dict[Any, _Sums] = defaultdict(_Sums)
    for group in groups:
        found[group[name]].add(group)
    return found


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


def _days(filters: Filters, found: Mapping[date, _Sums]) -> tuple[Day, ...]:
    """Every day of the span, also those without parts."""
    day, last = date.fromisoformat(filters.since), date.fromisoformat(filters.until)
    days: list[Day] = []
    while day <= last and len(days) <= MOST_DAYS:
        sums = found.get(day) or _Sums()
        days.append(
            Day(
                day=day,
                parts=sums.parts,
                passed=sums.passed,
                failed=sums.failed,
                review=sums.review,
                escaped=sums.escaped,
                overkilled=sums.overkilled,
            )
        )
        day += timedelta(days=1)
    return tuple(days)
