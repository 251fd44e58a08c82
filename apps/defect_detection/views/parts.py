"""The list of parts, one part, and what was found on it later."""

from datetime import datetime

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.defect_detection.app import App
from apps.defect_detection.models import Defect, Finding, View
from apps.defect_detection.services import findings, parts, products, stations
from apps.defect_detection.services.errors import Unusable
from apps.defect_detection.services.marking import marked
from apps.defect_detection.services.parts import Filters
from apps.defect_detection.views.paging import page_of
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say, say_refused
from loupe.host.people import Action, NotVisible


@require_GET
@project_page(section="parts")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Parts, newest first, by the filters in the address; a constant number of queries."""
    filters = Filters.read(request.GET.dict())
    rows = parts.listing(request.actor, request.project, filters)
    return render(
        request,
        "defect_detection/parts.html",
        {
            "domain": App,
            "filters": filters,
            "page": page_of(rows, request.GET.get("after", "")),
            "products": list(products.listing(request.actor, request.project)[:500]),
            "stations": list(stations.listing(request.actor, request.project)[:500]),
        },
    )


@require_GET
@project_page(section="parts")
def page(request: PageRequest, app: str, part_id: int) -> HttpResponse:
    """One part: its views as pictures, its decision, what was found later."""
    part = parts.find(request.actor, request.project, part_id)
    views = list(
        View.objects.filter(part=part)
        .select_related("result__decision", "result__item__input", "result__provenance")
        .order_by("replaced", "name", "-pk")
    )
    defects = Defect.objects.filter(view__part=part).values_list("label", flat=True)
    return render(
        request,
        "defect_detection/part.html",
        {
            "domain": App,
            "part": part,
            "views": [marked(view) for view in views if not view.replaced],
            "replaced": [marked(view) for view in views if view.replaced],
            "findings": Finding.objects.filter(part=part).order_by("-pk"),
            "labels": sorted({*defects, *_classes(views)}),
            "judged": any(view.machine_outcome != "pass" for view in views),
        },
    )


@require_POST
@project_page(Action.SUBMIT)
def report(request: PageRequest, app: str, part_id: int) -> HttpResponse:
    """Something was found on the part after its inspection."""
    try:
        part = parts.find(request.actor, request.project, part_id)
        findings.report(
            request.actor,
            part,
            label=request.POST.get("label", ""),
            place=request.POST.get("place", ""),
            note=request.POST.get("note", ""),
            found_at=_moment(request.POST.get("found_at", "")),
        )
        say(request, _("Written down: this part is bad."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, part_id)


@require_POST
@project_page(Action.SUBMIT)
def withdraw(request: PageRequest, app: str, part_id: int, finding_id: int) -> HttpResponse:
    """Take a finding back."""
    try:
        part = parts.find(request.actor, request.project, part_id)
        found = Finding.objects.filter(part=part, pk=finding_id).select_related("part__project")
        finding = found.first()
        if finding is None:
            raise NotVisible(_("There is no such finding on this part."))
        findings.withdraw(request.actor, finding)
        say(request, _("Taken back."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request, part_id)


def _back(request: PageRequest, part_id: int) -> HttpResponse:
    address = reverse("defect_detection:part", args=[request.project.slug, part_id])
    return HttpResponseRedirect(address)


def _moment(text: str) -> datetime | None:
    """A moment of the project's clock, as a browser's field sends it.

    Raises:
        Unusable: it is none.
    """
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise Unusable(
            _("%(text)r is no time: write it as 2026-01-31T14:30.") % {"text": text[:40]},
            field="found_at",
        )
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _classes(views: list[View]) -> set[str]:
    """The classes found on any view, to name a finding by."""
    return {box["label"] for view in views for box in view.result.data.get("boxes", ())}
