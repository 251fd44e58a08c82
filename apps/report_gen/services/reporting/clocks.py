"""The two clocks: the machine by stage, and when readers opened, edited and signed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from apps.report_gen.models import Clock, ReaderEvent, Report, ReportVersion
from apps.report_gen.services.reporting.slugs import SLUG
from loupe.host.people import Project
from loupe.host.results import Result

MOST = 5_000
"""Results and reports that figures are taken from, the newest."""
ONCE = (Clock.OPENED, Clock.FIRST_EDIT)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Seconds: how many were measured, their median, and what 95 of 100 stay below."""

    name: str
    count: int
    p50: float
    p95: float


def note(report: Report, kind: Clock, user: User) -> None:
    """Note an event; that somebody opened or first edited a version is noted once a person."""
    if kind in ONCE:
        rows = ReaderEvent.objects.filter(report=report, kind=kind, user=user)
        # After a signature reading begins anew: an amendment has a clock of its own.
        signed = report.versions.filter(signature__isnull=False).order_by("-number").first()
        if signed is not None:
            rows = rows.filter(at__gt=signed.at)
        if rows.exists():
            return
    ReaderEvent.objects.create(report=report, kind=kind, user=user, at=timezone.now())


def machine(project: Project, days: int) -> list[Figure]:
    """Of each stage that the machine went through, in seconds; the whole as ``total``."""
    since = timezone.now() - timedelta(days=days)
    rows = Result.objects.filter(project=project, app=SLUG, created_at__gte=since)
    stages: dict[str, list[float]] = defaultdict(list)
    for times in rows.order_by("-pk").values_list("times_ms", flat=True)[:MOST]:
        told = {name: float(ms) / 1000 for name, ms in times.items() if ms is not None}
        for name, seconds in told.items():
            stages[name].append(seconds)
        if told:
            stages["total"].append(sum(told.values()))
    return [figure(name, found) for name, found in stages.items()]


def readers(project: Project, days: int) -> list[Figure]:
    """From opening to the first edit, and to the signature, in seconds, by person and report."""
    since = timezone.now() - timedelta(days=days)
    rows = ReaderEvent.objects.filter(report__project=project, at__gte=since).order_by("pk")
    by_one: dict[tuple[int, int], list[tuple[str, datetime]]] = defaultdict(list)
    newest = rows.reverse()[: 4 * MOST]
    for report, user, kind, at in newest.values_list("report_id", "user_id", "kind", "at"):
        by_one[report, user].append((kind, at))
    spans: dict[str, list[float]] = {"opened_to_first_edit": [], "opened_to_signed": []}
    for events in by_one.values():
        _add_spans(sorted(events, key=lambda event: event[1]), spans)
    return [figure(name, found) for name, found in spans.items()]


def _add_spans(events: list[tuple[str, datetime]], spans: dict[str, list[float]]) -> None:
    opened: datetime | None = None
    edited = False
    for kind, at in events:
        if kind == Clock.OPENED:
            opened, edited = at, False
        elif opened is not None and kind == Clock.FIRST_EDIT and not edited:
            spans["opened_to_first_edit"].append((at - opened).total_seconds())
            edited = True
        elif opened is not None and kind in (Clock.SIGNED, Clock.AMENDED):
            spans["opened_to_signed"].append((at - opened).total_seconds())
            opened = None


def figure(name: str, values: Sequence[float]) -> Figure:
    """Median and 95th percentile by nearest rank; 0 of nothing."""
    ordered = sorted(values)
    if not ordered:
        return Figure(name=name, count=0, p50=0.0, p95=0.0)

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]

    return Figure(name=name, count=len(ordered), p50=rank(0.5), p95=rank(0.95))


def corrections(project: Project, days: int) -> dict[str, int]:
    """Sums of what readers kept and changed, over the reports signed in these days."""
    since = timezone.now() - timedelta(days=days)
    signed = ReportVersion.objects.filter(
        report__project=project, signature__isnull=False, at__gte=since
    )
    reports = Report.objects.filter(models.Exists(signed.filter(report=models.OuterRef("pk"))))
    sums: dict[str, int] = defaultdict(int)
    for counted in reports.order_by("-pk").values_list("corrections", flat=True)[:MOST]:
        sums["reports"] += 1
        sums["untouched"] += not any(
            count for name, count in counted.items() if not name.endswith("_kept")
        )
        for name, count in counted.items():
            sums[name] += count
    return dict(sums)
