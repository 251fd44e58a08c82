"""Pages of parts by key: newest first, and a link to the older ones that survives new rows."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, Q, QuerySet

from apps.defect_detection.models import Part, View
from apps.defect_detection.services.deciding import RANK

AT_ONCE = 50


@dataclass(frozen=True, kw_only=True)
class ShownPart:
    """A part in a list: `lead` is the view that weighs most."""

    part: Part
    lead: View | None
    views: int


@dataclass(frozen=True, kw_only=True)
class PageOfParts:
    """One page; `older` goes into the address for the next one, empty at the end."""

    parts: list[ShownPart]
    older: str


def page_of(rows: "QuerySet[Part]", after: str, limit: int = AT_ONCE) -> PageOfParts:
    """The page that follows `after`, a former page's `older`; two queries."""
    place = _place(after)
    if place is not None:
        at, pk = place
        rows = rows.filter(Q(last_at__lt=at) | Q(last_at=at, pk__lt=pk))
    counted = View.objects.filter(replaced=False).order_by("pk")
    found = list(
        rows.prefetch_related(Prefetch("views", queryset=counted)).order_by("-last_at", "-pk")[
            : limit + 1
        ]
    )
    shown = [shown_part(part) for part in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return PageOfParts(parts=shown, older=cursor(last) if last else "")


def shown_part(part: Part) -> ShownPart:
    """A part whose views were fetched, with the one to look at first."""
    views = [view for view in part.views.all() if not view.replaced]
    lead = max(views, key=lambda view: (RANK.get(view.outcome, 0), view.score), default=None)
    return ShownPart(part=part, lead=lead, views=len(views))


def cursor(part: Part) -> str:
    """Where a page ended."""
    return f"{part.last_at.timestamp():.6f}-{part.pk}"


def _place(text: str) -> tuple[datetime, int] | None:
    moment, _, pk = text.rpartition("-")
    try:
        at = datetime.fromtimestamp(float(moment)).astimezone()
        return at, int(pk)
    except (ValueError, OverflowError, OSError):
        return None
