"""What a station's screen shows: the last part, and the counts of the shift."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Prefetch, Q
from django.utils import timezone
from pydantic import BaseModel, ConfigDict

from apps.defect_detection.models import Part, Station, View
from apps.defect_detection.services.marking import marked
from apps.defect_detection.services.stations import shift_began


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SeenMark(_Shape):
    """A box that counts; corners as shares of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float
    severity: str


class SeenView(_Shape):
    """One picture of the last part."""

    result: int
    name: str
    outcome: str
    label: str
    reviewed: bool
    width: int
    height: int
    marks: list[SeenMark]
    reason_en: str
    reason_zh: str


class LastPart(_Shape):
    """The part that came last, its worst view first."""

    id: int
    serial: str
    named: bool
    lot: str
    product: str
    outcome: str
    machine_outcome: str
    reviewed: bool
    label: str
    missing: list[str]
    at: datetime
    views: list[SeenView]


class Shift(_Shape):
    """Parts of the station since its shift began."""

    began: datetime
    parts: int
    passed: int
    failed: int
    review: int


class StationNow(_Shape):
    """Everything a station's screen shows."""

    station: str
    name: str
    product: str
    lot: str
    shift: Shift
    last: LastPart | None


def state_key(station: Station) -> tuple[object, ...]:
    """What changes when the screen has to: one query for the newest change, one for the station.
    Within a minute nothing else does, so that a shift begins on time."""
    newest = (
        Part.objects.filter(station=station)
        .order_by("-changed_at")
        .values_list("pk", "changed_at")
        .first()
    )
    runs = Station.objects.filter(pk=station.pk).values_list("name", "product__name", "lot").first()
    return newest, runs, timezone.now().strftime("%H:%M")


def now(station: Station) -> StationNow:
    """The station as it stands; five queries."""
    fresh = Station.objects.select_related("project", "product").get(pk=station.pk)
    began = shift_began(fresh, timezone.now())
    here = Part.objects.filter(station=fresh)
    counts = here.filter(last_at__gte=began).aggregate(
        parts=Count("pk"),
        passed=Count("pk", filter=Q(outcome="pass")),
        failed=Count("pk", filter=Q(outcome="fail")),
        review=Count("pk", filter=Q(outcome="review")),
    )
    views = View.objects.filter(replaced=False).select_related(
        "result__decision", "result__provenance__operating_point"
    )
    last = (
        here.select_related("product")
        .prefetch_related(Prefetch("views", queryset=views))
        .order_by("-last_at", "-pk")
        .first()
    )
    return StationNow(
        station=fresh.key,
        name=fresh.name,
        product=fresh.product.name if fresh.product else "",
        lot=fresh.lot,
        shift=Shift(began=began, **counts),
        last=_part(last) if last is not None else None,
    )


def _part(part: Part) -> LastPart:
    order = {"fail": 0, "review": 1, "pass": 2}
    views = sorted(part.views.all(), key=lambda view: (order.get(view.outcome, 1), -view.score))
    return LastPart(
        id=part.pk,
        serial=part.serial,
        named=part.named,
        lot=part.lot,
        product=part.product.name,
        outcome=part.outcome,
        machine_outcome=part.machine_outcome,
        reviewed=part.reviewed,
        label=part.label,
        missing=part.missing,
        at=part.last_at,
        views=[_view(view) for view in views],
    )


def _view(view: View) -> SeenView:
    found = marked(view)
    first: dict[str, Any] = found.reasons[0] if found.reasons else {}
    return SeenView(
        result=view.result_id,
        name=view.name,
        outcome=view.outcome,
        label=view.label,
        reviewed=view.reviewed,
        width=found.width,
        height=found.height,
        marks=[
            SeenMark(
                x=mark.x,
                y=mark.y,
                width=mark.width,
                height=mark.height,
                label=mark.label,
                score=mark.score,
                severity=mark.severity,
            )
            for mark in found.marks
        ],
        reason_en=str(first.get("en", "")),
        reason_zh=str(first.get("zh", "")),
    )
