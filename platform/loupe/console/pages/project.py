"""A project's own settings: its name, its time zone, and who consents to promotions."""

import zoneinfo

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from loupe.accounts import projects
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say
from loupe.contract.runtime.errors import LoupeError


class ProjectForm(forms.Form):
    """Name, time zone, and the second person."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=lambda: [(zone, zone) for zone in sorted(zoneinfo.available_timezones())],
        help_text=gettext_lazy("Times on pages and default schedules follow it."),
    )
    second_person = forms.BooleanField(
        label=gettext_lazy("Promoting a model needs a second person"),
        required=False,
        help_text=gettext_lazy(
            "Somebody other than the one who asks has to agree before a model goes into "
            "production. Going back to the version before stays one action."
        ),
    )


@require_http_methods(["GET", "POST"])
@project_page(section="settings")
def page(request: PageRequest) -> HttpResponse:
    """Show the settings; administrators change them."""
    project = request.project
    given = request.POST if request.method == "POST" else None
    initial = {
        "name": project.name,
        "time_zone": project.time_zone,
        "second_person": project.second_person,
    }
    form = ProjectForm(given, initial=initial)
    if given is not None and form.is_valid():
        try:
            projects.describe(request.actor, project, **form.cleaned_data)
            say(request, _("Saved."))
            return HttpResponseRedirect(reverse("console:settings", args=[project.slug]))
        except LoupeError as error:
            blame(form, error)
    return render(request, "console/settings_project.html", {"form": form})
