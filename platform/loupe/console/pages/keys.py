"""API keys: made and shown once, listed without their secret, revoked."""

from datetime import datetime, timedelta
from typing import Literal

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from loupe.accounts import keys
from loupe.accounts.policy import SCOPES, Action
from loupe.console.pages.forms import NamedChoices, blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError

SCOPE_WORDS = {
    "view": gettext_lazy("see results, datasets and models"),
    "submit": gettext_lazy("send files and rows"),
    "cancel": gettext_lazy("stop jobs"),
    "export": gettext_lazy("fetch exports"),
    "manage_cases": gettext_lazy("open, assign and close alerts and cases"),
    "manage_datasets": gettext_lazy("make and fill datasets"),
    "train": gettext_lazy("start and stop trainings"),
    "manage_models": gettext_lazy("upload and promote models, set thresholds"),
    "manage_schedules": gettext_lazy("change schedules, folders and sources"),
    "manage_webhooks": gettext_lazy("change webhooks"),
    "read_audit": gettext_lazy("read the audit log"),
}


class KeyForm(forms.Form):
    """What the key is called, what it may do, and until when."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=50,
        help_text=gettext_lazy("Which system uses it, for instance MES line 3."),
    )
    scopes = NamedChoices(names=sorted(SCOPES), words=SCOPE_WORDS, label=gettext_lazy("Scopes"))
    expires = forms.ChoiceField(
        label=gettext_lazy("Expires"),
        choices=[
            ("30", gettext_lazy("in 30 days")),
            ("90", gettext_lazy("in 90 days")),
            ("365", gettext_lazy("in a year")),
            ("never", gettext_lazy("never")),
        ],
        initial="90",
    )


@never_cache
@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_KEYS, section="settings")
def page(request: PageRequest) -> HttpResponse:
    """List the keys and make new ones. A new secret is in this one answer and nowhere else."""
    given = request.POST if request.method == "POST" else None
    form = KeyForm(given)
    made: dict[str, str] | None = None
    if given is not None and form.is_valid():
        chosen = form.cleaned_data
        expires: datetime | Literal["never"] = "never"
        if chosen["expires"] != "never":
            expires = timezone.now() + timedelta(days=int(chosen["expires"]))
        try:
            key, secret = keys.create(
                request.actor, request.project, chosen["name"], chosen["scopes"], expires
            )
            made = {"name": key.name, "secret": secret}
            form = KeyForm()
        except LoupeError as error:
            blame(form, error)
    found = keys.listing(request.actor, request.project)
    context = {"form": form, "keys": found, "made": made, "now": timezone.now()}
    return render(request, "console/settings_keys.html", context)


@require_POST
@project_page(Action.MANAGE_KEYS)
def revoke(request: PageRequest, prefix: str) -> HttpResponse:
    """Shut a key for good."""
    try:
        keys.revoke(request.actor, request.project, prefix)
        say(request, _("Revoked. Calls with this key are refused from now on."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:keys", args=[request.project.slug]))
