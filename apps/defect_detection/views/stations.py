"""Stations: the list, making one, and what runs where."""

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.defect_detection.app import App
from apps.defect_detection.services import products, stations
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, blame, project_page, say, say_refused
from loupe.host.people import Action, require


class StationForm(forms.Form):
    """A new station."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=60,
        help_text=gettext_lazy("What cameras and business systems call it, e.g. line-1."),
    )
    shift_starts = forms.CharField(
        label=gettext_lazy("Shifts begin at"),
        max_length=80,
        initial="06:00, 14:00, 22:00",
        help_text=gettext_lazy("In the project's time zone."),
    )


@require_http_methods(["GET", "POST"])
@project_page(section="stations")
def listing(request: PageRequest, app: str) -> HttpResponse:
    """Every station with what runs there; engineers make new ones."""
    form = StationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        require(request.actor, Action.MANAGE_MODELS, request.project)
        if form.is_valid():
            said = form.cleaned_data
            try:
                stations.create(
                    request.actor,
                    request.project,
                    key=said["key"],
                    name=said["name"],
                    shift_starts=said["shift_starts"].split(","),
                )
                say(request, _("Made. Open it on the screen beside the line."))
                return _back(request)
            except LoupeError as error:
                blame(form, error, getattr(error, "field", "") or None)
    return render(
        request,
        "defect_detection/stations.html",
        {
            "domain": App,
            "form": form,
            "stations": list(stations.listing(request.actor, request.project)[:500]),
            "products": products.choices(request.project.pk),
        },
    )


@require_POST
@project_page(Action.MANAGE_MODELS)
def change(request: PageRequest, app: str, key: str) -> HttpResponse:
    """Rename a station, or say when its shifts begin."""
    try:
        station = stations.find(request.actor, request.project, key)
        starts = request.POST.get("shift_starts")
        stations.change(
            request.actor,
            station,
            name=request.POST.get("name") or None,
            shift_starts=starts.split(",") if starts is not None else None,
        )
        say(request, _("Saved."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request)


@require_POST
@project_page(Action.SUBMIT)
def run(request: PageRequest, app: str, key: str) -> HttpResponse:
    """Say which product and lot run at a station."""
    station_page = reverse("defect_detection:station", args=[request.project.slug, key])
    try:
        station = stations.find(request.actor, request.project, key)
        asked = request.POST.get("product", "")
        product = products.find(request.actor, request.project, asked) if asked else None
        stations.run(request.actor, station, product, request.POST.get("lot", ""))
        say(request, _("Saved."))
    except LoupeError as error:
        say_refused(request, error)
    if request.POST.get("from") == "station":
        return HttpResponseRedirect(station_page)
    return _back(request)


def _back(request: PageRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("defect_detection:stations", args=[request.project.slug]))
