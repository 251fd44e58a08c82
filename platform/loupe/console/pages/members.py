"""Who belongs to the project, and as what."""

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from loupe.accounts import members
from loupe.accounts.models import Role
from loupe.accounts.policy import Action
from loupe.console.pages.forms import blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError


class MemberForm(forms.Form):
    """A person and their role."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices)


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_MEMBERS, section="settings")
def page(request: PageRequest) -> HttpResponse:
    """List the members; add one or change a role."""
    given = request.POST if request.method == "POST" else None
    form = MemberForm(given)
    if given is not None and form.is_valid():
        try:
            members.put(request.actor, request.project, **form.cleaned_data)
            say(request, _("Saved."))
            return HttpResponseRedirect(reverse("console:members", args=[request.project.slug]))
        except LoupeError as error:
            blame(form, error)
    found = members.listing(request.actor, request.project)
    context = {"form": form, "members": found, "roles": Role.choices}
    return render(request, "console/settings_members.html", context)


@require_POST
@project_page(Action.MANAGE_MEMBERS)
def remove(request: PageRequest) -> HttpResponse:
    """End a membership."""
    try:
        members.remove(request.actor, request.project, request.POST.get("username", ""))
        say(request, _("Removed."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:members", args=[request.project.slug]))
