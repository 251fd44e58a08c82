"""What waits to be read, the most urgent first, by filters that stand in the address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.findings import KEYS
from apps.report_gen.models import Clock, ReaderEvent, ReportState, Study, StudyState
from apps.report_gen.services.reporting.claims import CLAIM
from apps.report_gen.services.reporting.errors import Unusable
from loupe.host.people import Action, Actor, Project, require

AT_ONCE = 50
TO_READ = (StudyState.DRAFTED,)
COMING = (StudyState.ARRIVING, StudyState.WAITING, StudyState.READING)
AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which studies; without a state those to be read.

    Attributes:
        state: ``open`` (to be read), ``coming``, ``reported``, ``refused`` or ``all``.
        report: the state of the report.
        mine: ``yes`` or ``nobody``.
        finding: one that is said to be present.
        critical: ``yes``: critical ones that nobody has acknowledged.
        age: since their first image, at most an hour, a day or a week.
        q: the beginning of a study's or a patient's pseudonym.
    """

    state: str = ""
    report: str = ""
    mine: str = ""
    finding: str = ""
    critical: str = ""
    age: str = ""
    q: str = ""

    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "state": ("open", "coming", "reported", "refused", "all"),
        "report": tuple(ReportState.values),
        "mine": ("yes", "nobody"),
        "finding": KEYS,
        "critical": ("yes",),
        "age": tuple(AGES),
    }

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Filters":
        """From a query; unknown names are left alone.

        Raises:
            Unusable: a value is not one of those allowed.
        """
        values = {one.name: str(given.get(one.name, "")).strip()[:100] for one in fields(cls)}
        for name, allowed in cls.CHOICES.items():
            if values[name] and values[name] not in allowed:
                raise Unusable(
                    _("%(name)s=%(value)r is not one of %(allowed)s.")
                    % {"name": name, "value": values[name][:40], "allowed": ", ".join(allowed)},
                    field=name,
                )
        values["q"] = values["q"].replace("\x00", "")
        return cls(**values)

    def chosen(self) -> dict[str, str]:
        """Those that are set, for addresses."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)
        }


@dataclass(frozen=True)
class Page:
    """One page of studies; `after` goes into the address of the next one, empty at the end."""

    rows: list[Study]
    after: str


def matching(actor: Actor, project: Project, filters: Filters) -> "models.QuerySet[Study]":
    """The project's studies by `filters`.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    rows = Study.objects.filter(project=project)
    states = {
        "": TO_READ, "open": TO_READ, "coming": COMING, "reported": (StudyState.REPORTED,),
        "refused": (StudyState.REFUSED, StudyState.FAILED), "all": tuple(StudyState),
    }  # fmt: skip
    rows = rows.filter(state__in=states[filters.state])
    if filters.report == ReportState.DRAFT:
        # A report begins when its study is first opened; until then the draft is all there is.
        untouched = models.Q(report=None) | models.Q(report__state=ReportState.DRAFT)
        rows = rows.filter(untouched, state__in=(StudyState.DRAFTED, StudyState.REPORTED))
    elif filters.report:
        rows = rows.filter(report__state=filters.report)
    live = models.Q(claimed_at__gt=timezone.now() - CLAIM)
    if filters.mine == "yes":
        rows = rows.filter(live, claimed_by=actor.user)
    elif filters.mine == "nobody":
        rows = rows.filter(models.Q(claimed_by=None) | ~live)
    if filters.finding:
        rows = rows.filter(pk__in=_with_finding(rows, filters.finding))
    if filters.critical:
        rows = rows.filter(critical=True, acknowledged_at=None)
    if filters.age:
        rows = rows.filter(arrived_at__gte=timezone.now() - AGES[filters.age])
    if filters.q:
        starts = models.Q(uid__startswith=filters.q) | models.Q(patient__istartswith=filters.q)
        rows = rows.filter(starts)
    return rows


def _with_finding(rows: "models.QuerySet[Study]", finding: str) -> list[UUID]:
    """SQLite has no lookup into lists of JSON: the list is short, and read here."""
    pairs = rows.order_by("-arrived_at").values_list("pk", "present")[:20_000]
    return [pk for pk, present in pairs if finding in present]


def page(rows: "models.QuerySet[Study]", after: str = "", limit: int = AT_ONCE) -> Page:
    """The page that follows `after`: falling priority, then who has waited longest."""
    place = _place(after)
    if place is not None:
        priority, arrived, pk = place
        rows = rows.filter(
            models.Q(priority__lt=priority)
            | models.Q(priority=priority, arrived_at__gt=arrived)
            | models.Q(priority=priority, arrived_at=arrived, pk__gt=pk)
        )
    rows = rows.select_related("claimed_by", "acknowledged_by", "report")
    found = list(rows.order_by("-priority", "arrived_at", "pk")[: limit + 1])
    shown = found[:limit]
    if len(found) <= limit:
        return Page(shown, "")
    last = shown[-1]
    return Page(shown, f"{last.priority!r}_{last.arrived_at.timestamp():.6f}_{last.pk}")


def _place(text: str) -> tuple[float, datetime, UUID] | None:
    priority, _first, rest = text.partition("_")
    arrived, _second, pk = rest.partition("_")
    try:
        return float(priority), datetime.fromtimestamp(float(arrived)).astimezone(), UUID(pk)
    except (ValueError, OverflowError, OSError):
        return None


def counts(project: Project, user: User | None) -> dict[str, int]:
    """How much waits, for the head of the list. Two queries."""
    now = timezone.now()
    rows = Study.objects.filter(project=project)
    live = models.Q(claimed_at__gt=now - CLAIM)
    ready = models.Q(state__in=TO_READ)
    told: dict[str, Any] = rows.aggregate(
        open=models.Count("pk", filter=ready),
        mine=models.Count("pk", filter=ready & live & models.Q(claimed_by=user)),
        critical=models.Count(
            "pk", filter=models.Q(critical=True, acknowledged_at=None) & ~models.Q(result=None)
        ),
        coming=models.Count("pk", filter=models.Q(state__in=COMING)),
    )
    opened = ReaderEvent.objects.filter(
        report__study=models.OuterRef("pk"), kind=Clock.OPENED, user=user
    )
    told["unread"] = rows.filter(ready).exclude(models.Exists(opened)).count()
    return {name: count or 0 for name, count in told.items()}


def unread(user: User | None, rows: Iterable[Study]) -> set[UUID]:
    """Those of `rows` that this person has not opened. One query."""
    ids = [row.pk for row in rows]
    opened = ReaderEvent.objects.filter(report__study__in=ids, kind=Clock.OPENED, user=user)
    return set(ids) - set(opened.values_list("report__study", flat=True))
