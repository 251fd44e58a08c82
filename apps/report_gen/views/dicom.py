"""DICOM nodes, studies on their way in, what goes back, and who may see identities."""

import uuid
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.report_gen.app import App
from apps.report_gen.clinical import identity
from apps.report_gen.dicom import node, outbox, overview, peers, quiet
from apps.report_gen.models import DicomPeer, Priors
from apps.report_gen.report import NOTICE
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, blame, project_page, say, say_refused
from loupe.host.people import Action, people_who_may, require


class PeerFields(forms.Form):
    """A DICOM node."""

    title = forms.CharField(label=gettext_lazy("AE title"), max_length=16)
    host = forms.CharField(label=gettext_lazy("Host"), max_length=253, required=False)
    port = forms.IntegerField(
        label=gettext_lazy("Port"),
        required=False,
        min_value=1,
        max_value=65535,
        help_text=gettext_lazy("Where reports are sent to. Empty: nothing is."),
    )
    tls = forms.BooleanField(label=gettext_lazy("TLS"), required=False)
    allowed = forms.BooleanField(
        label=gettext_lazy("May send studies here"), required=False, initial=True
    )
    returns = forms.BooleanField(
        label=gettext_lazy("Gets reports of its studies back"), required=False, initial=True
    )
    priors = forms.ChoiceField(
        label=gettext_lazy("Earlier studies"), required=False, choices=Priors.choices
    )
    quiet_seconds = forms.IntegerField(
        label=gettext_lazy("Quiet seconds"),
        required=False,
        min_value=1,
        max_value=86_400,
        help_text=gettext_lazy("Without an image for so long, a study is held to be complete."),
    )


@require_GET
@project_page(section="dicom")
def page(request: PageRequest, app: str) -> HttpResponse:
    """Everything about DICOM at a glance."""
    project = request.project
    return render(
        request,
        "report_gen/dicom.html",
        {
            "domain": App,
            "running": node.status(),
            "peers": overview.peers_of(request.actor, project),
            "arrivals": overview.arriving(request.actor, project),
            "sendings": overview.sendings(request.actor, project),
            "unmade": overview.unmade(request.actor, project),
            "dead": overview.given_up(request.actor, project),
            "grants": overview.grants(project),
            "people": people_who_may(Action.VIEW, project),
            "notice": NOTICE,
        },
    )


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_WEBHOOKS, section="dicom")
def peer(request: PageRequest, app: str, peer_id: uuid.UUID | None = None) -> HttpResponse:
    """Add a node, or change one."""
    known = None if peer_id is None else peers.find(request.actor, request.project, peer_id)
    form = PeerFields(request.POST if request.method == "POST" else None, initial=_said(known))
    if request.method == "POST" and form.is_valid():
        try:
            wanted = peers.PeerForm(**form.cleaned_data)
            if known is None:
                peers.add(request.actor, request.project, wanted)
            else:
                peers.change(request.actor, known, wanted)
            say(request, _("Saved."))
            return _back(request)
        except LoupeError as error:
            blame(form, error, error.code if error.code in form.fields else None)
    return render(
        request, "report_gen/dicom_peer.html", {"domain": App, "form": form, "peer": known}
    )


@require_POST
@project_page(Action.SUBMIT)
def complete(request: PageRequest, app: str, study_id: uuid.UUID) -> HttpResponse:
    """Have a study read now, without waiting for quiet."""
    study = overview.find_arriving(request.actor, request.project, study_id)
    if study is not None and quiet.close_now(study):
        say(request, _("The study is held to be complete."))
    return _back(request)


@require_POST
@project_page(Action.MANAGE_WEBHOOKS)
def replay(request: PageRequest, app: str) -> HttpResponse:
    """Send again what was given up, one or all."""
    try:
        one = request.POST.get("sending", "")
        count = outbox.replay(request.actor, request.project, uuid.UUID(one) if one else None)
        say(request, _("%(count)s will be sent again.") % {"count": count})
    except ValueError:
        say(request, _("Nothing that was given up has this number."))
    except LoupeError as error:
        say_refused(request, error)
    return _back(request)


@require_POST
@project_page(Action.MANAGE_MEMBERS)
def grants(request: PageRequest, app: str) -> HttpResponse:
    """Let a member see who studies are about, or no longer."""
    require(request.actor, Action.MANAGE_MEMBERS, request.project)
    members = people_who_may(Action.VIEW, request.project)
    user: User | None = members.filter(username=request.POST.get("user", "")).first()
    if user is not None and request.POST.get("may") == "yes":
        identity.grant(request.actor, request.project, user)
        say(request, _("%(name)s may see identities.") % {"name": user.get_username()})
    elif user is not None:
        identity.revoke(request.actor, request.project, user)
        say(request, _("%(name)s may not see identities.") % {"name": user.get_username()})
    return _back(request)


def _said(known: DicomPeer | None) -> dict[str, Any]:
    if known is None:
        return {}
    return {name: getattr(known, name) for name in PeerFields.base_fields}


def _back(request: PageRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("report_gen:dicom", args=[request.project.slug]))
