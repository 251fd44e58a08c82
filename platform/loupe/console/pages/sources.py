"""Cameras and other HTTP sources: which are asked, how often, and what came of it."""

import uuid
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages import facts_form
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import Place
from loupe.plugins import registry as apps
from loupe.sources import services as sources
from loupe.sources.errors import SourceFailed
from loupe.sources.models import HttpSource


class SourceForm(forms.Form):
    """Where the pictures are, how often, and who inspects them."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.URLInput,
        help_text=gettext_lazy(
            "A still picture, a file, or an MJPEG stream. Private networks must be opened by the "
            "operator (LOUPE_SOURCE_ALLOW)."
        ),
    )
    app = forms.ChoiceField(label=gettext_lazy("App"))
    interval_seconds = forms.IntegerField(
        label=gettext_lazy("Ask every so many seconds"),
        initial=10,
        min_value=sources.SHORTEST_S,
        max_value=sources.LONGEST_S,
    )
    model_name = forms.CharField(
        label=gettext_lazy("Model"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Empty: the project's default."),
    )
    username = forms.CharField(
        label=gettext_lazy("User of the camera"), max_length=100, required=False
    )
    password = forms.CharField(
        label=gettext_lazy("Password of the camera"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Kept, never shown. Left empty, the one from before stays."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "en"
        choices = [(app.slug, app.name.in_language(language)) for app in _takers()]
        self.fields["app"] = forms.ChoiceField(label=_("App"), choices=choices)

    def given(self) -> dict[str, Any]:
        """What the services are told; an empty password says nothing."""
        found = dict(self.cleaned_data)
        if not found["password"]:
            del found["password"]
        return found


def _takers() -> list[type[DomainApp]]:
    return [app for app in apps.installed() if app.steps[0].place is not Place.ENGINE]


def _find(request: PageRequest, source_id: uuid.UUID) -> HttpSource:
    found = sources.find(request.actor, source_id)
    if found.project_id != request.project.pk:
        raise NotVisible(_("There is no source %(id)s that you can see.") % {"id": source_id})
    return found


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_SCHEDULES, section="settings")
def listing(request: PageRequest) -> HttpResponse:
    """List the sources; add another."""
    given = request.POST if request.method == "POST" else None
    form = SourceForm(given)
    if given is not None and form.is_valid():
        try:
            made = sources.create(request.actor, request.project, **form.given())
            say(request, _("Asked from now on."))
            return HttpResponseRedirect(
                reverse("console:source", args=[request.project.slug, made.pk])
            )
        except LoupeError as error:
            blame(form, error)
    found = sources.listing(request.actor, request.project)
    context = {"form": form, "sources": list(found[:500])}
    return render(request, "console/settings_sources.html", context)


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_SCHEDULES, section="settings")
def page(request: PageRequest, source_id: uuid.UUID) -> HttpResponse:
    """One source: its settings, its facts, what came of it."""
    source = _find(request, source_id)
    domain = apps.get(source.app)
    given = request.POST if request.method == "POST" else None
    names = ("name", "url", "app", "interval_seconds", "model_name", "username")
    form = SourceForm(given, initial={name: getattr(source, name) for name in names})
    form.fields["app"].disabled = True
    if given is not None and form.is_valid():
        try:
            changes = form.given()
            del changes["app"]
            said = facts_form.sent(domain, given)
            sources.update(request.actor, source, facts=said, **changes)
            say(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        except LoupeError as error:
            blame(form, error)
    context = {
        "form": form,
        "source": source,
        "domain": domain,
        "fact_fields": facts_form.fields(domain, request.project.pk, source.facts),
    }
    return render(request, "console/settings_source.html", context)


@require_POST
@project_page(Action.MANAGE_SCHEDULES)
def act(request: PageRequest, source_id: uuid.UUID, verb: str) -> HttpResponse:
    """Try out, ask now, switch on or off, delete."""
    source = _find(request, source_id)
    there = reverse("console:source", args=[request.project.slug, source.pk])
    try:
        match verb:
            case "test":
                _say_tried(request, sources.try_out(request.actor, source))
            case "ask":
                sources.ask_now(request.actor, source)
                say(request, _("It is asked within seconds."))
            case "on" | "off":
                sources.update(request.actor, source, enabled=verb == "on")
                say(request, _("Switched on.") if verb == "on" else _("Switched off."))
            case "delete":
                sources.delete(request.actor, source)
                say(request, _("Deleted. What it sent stays."))
                there = reverse("console:sources", args=[request.project.slug])
            case _unknown:
                raise NotVisible(_("A source cannot do that."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(there)


def _say_tried(request: PageRequest, tried: sources.Tried) -> None:
    facts = {
        "kind": tried.media_type,
        "size": filesizeformat(tried.size),
        "ms": f"{tried.elapsed_ms:.0f}",
    }
    if tried.usable:
        say(request, _("It answered: %(kind)s, %(size)s, in %(ms)s ms.") % facts)
    else:
        told = _("It answered with %(kind)s, %(size)s: the app does not take such files.") % facts
        say_refused(request, SourceFailed(told, code="unsupported_type"))
