"""The quality page: Pareto by defect, lot and station, over time, and the pictures behind it."""

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.defect_detection.app import App
from apps.defect_detection.services import parts, products, quality, stations
from apps.defect_detection.services.parts import Filters
from apps.defect_detection.views.paging import page_of
from loupe.host.pages import PageRequest, project_page

PICTURES = 24


@require_GET
@project_page(section="quality")
def page(request: PageRequest, app: str) -> HttpResponse:
    """Figures of the span, with charts and the same numbers as tables."""
    filters = quality.span(request.project, Filters.read(request.GET.dict()))
    found = quality.figures(request.actor, request.project, filters)
    return render(
        request,
        "defect_detection/quality.html",
        {
            "domain": App,
            "filters": filters,
            "found": found,
            "charts": _charts(found, filters, request.project.slug),
            "products": list(products.listing(request.actor, request.project)[:500]),
            "stations": list(stations.listing(request.actor, request.project)[:500]),
            "tables": [
                (_("Defects"), "label", found.defects),
                (_("Lots"), "lot", found.lots),
                (_("Stations"), "station", found.stations),
            ],
        },
    )


@require_GET
@project_page(section="quality")
def pictures(request: PageRequest, app: str) -> HttpResponse:
    """The pictures behind one bar: the newest parts that the address's filters let through."""
    filters = quality.span(request.project, Filters.read(request.GET.dict()))
    rows = parts.listing(request.actor, request.project, filters)
    if not filters.outcome and not filters.kind:
        rows = rows.exclude(outcome="pass")
    return render(
        request,
        "defect_detection/quality_pictures.html",
        {
            "domain": App,
            "filters": filters,
            "page": page_of(rows, "", PICTURES),
            "address": f"{_address('parts', request.project.slug)}?{urlencode(filters.chosen())}",
        },
    )


def _charts(found: quality.Quality, filters: Filters, project: str) -> dict[str, Any]:
    """What the script draws; every bar knows the filters that show its parts."""
    return {
        "pictures": _address("quality_pictures", project),
        "filters": filters.chosen(),
        "words": {
            "parts": _("parts"),
            "share": _("cumulative share"),
            "pass": _("Pass"),
            "fail": _("Fail"),
            "review": _("Review"),
            "escaped": _("Escapes"),
            "overkilled": _("Overkill"),
            "lost": _("The pictures could not be fetched. Choose the bar again."),
        },
        "paretos": {
            name: [asdict(bar) for bar in bars]
            for name, bars in (
                ("label", found.defects),
                ("lot", found.lots),
                ("station", found.stations),
            )
        },
        "days": [{**asdict(day), "day": day.day.isoformat()} for day in found.days],
    }


def _address(name: str, project: str) -> str:
    return reverse(f"defect_detection:{name}", args=[project])
