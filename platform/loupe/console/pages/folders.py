"""Watched folders: which, for which app, and what went wrong with them."""

import uuid

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.steps import Place
from loupe.intake import watching
from loupe.plugins import registry as apps


class FolderForm(forms.Form):
    """Which folder, and who inspects what lands in it."""

    path = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=500,
        help_text=gettext_lazy("Below the folder the operator opened for this (LOUPE_WATCH_ROOT)."),
    )
    app = forms.ChoiceField(label=gettext_lazy("App"))
    model_name = forms.CharField(
        label=gettext_lazy("Model"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Empty: the project's default."),
    )

    facts = forms.CharField(
        label=gettext_lazy("What is said of its files"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("For instance: product=bracket, station=line-1."),
    )

    def clean_facts(self) -> dict[str, str]:
        """The facts by name."""
        text: str = self.cleaned_data["facts"]
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if any(not sign or not key.strip() for key, sign, _value in pairs):
            raise forms.ValidationError(_("Write name=value, with commas between several."))
        return {key.strip(): value.strip() for key, _sign, value in pairs}

    def clean(self) -> dict[str, object]:
        """Refuse facts that the app does not take."""
        found = super().clean() or {}
        app = apps.get(str(found["app"])) if "app" in found else None
        unknown = set(found.get("facts") or {}) - {fact.key for fact in app.facts} if app else set()
        if app is not None and unknown:
            known = ", ".join(fact.key for fact in app.facts) or _("none")
            self.add_error(
                "facts",
                _("There is no fact %(key)r; there are: %(known)s.")
                % {"key": min(unknown), "known": known},
            )
        return found

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        language = get_language() or "en"
        takers = [app for app in apps.installed() if app.steps[0].place is not Place.ENGINE]
        choices = [(app.slug, app.name.in_language(language)) for app in takers]
        self.fields["app"] = forms.ChoiceField(label=_("App"), choices=choices)


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_SCHEDULES, section="settings")
def page(request: PageRequest) -> HttpResponse:
    """List the watched folders; watch another."""
    given = request.POST if request.method == "POST" else None
    form = FolderForm(given)
    if given is not None and form.is_valid():
        try:
            watching.watch(request.actor, request.project, **form.cleaned_data)
            say(request, _("Watched from now on."))
            return HttpResponseRedirect(reverse("console:folders", args=[request.project.slug]))
        except LoupeError as error:
            blame(form, error)
    found = watching.listing(request.actor, request.project)
    return render(request, "console/settings_folders.html", {"form": form, "folders": found})


@require_POST
@project_page(Action.MANAGE_SCHEDULES)
def act(request: PageRequest, folder_id: uuid.UUID, verb: str) -> HttpResponse:
    """Switch on or off, or stop watching."""
    try:
        match verb:
            case "on" | "off":
                watching.set_enabled(request.actor, request.project, folder_id, verb == "on")
                say(request, _("Switched on.") if verb == "on" else _("Switched off."))
            case "delete":
                watching.unwatch(request.actor, request.project, folder_id)
                say(request, _("No longer watched."))
            case _unknown:
                raise NotVisible(_("A watched folder cannot do that."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:folders", args=[request.project.slug]))
