"""The explanation of an alert: asked for, followed while a worker makes it, then read."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.fraud.app import App
from apps.fraud.models import Alert
from apps.fraud.services import alerts, explanation_shown, explanations, schemes
from apps.fraud.templatetags.fraud import type_names
from loupe.contract.runtime.errors import LoupeError
from loupe.host.pages import PageRequest, project_page, say_refused
from loupe.host.people import Action

MOST_OFFERED = 50


@require_POST
@project_page(Action.MANAGE_CASES)
def ask(request: PageRequest, app: str, alert_id: int) -> HttpResponse:
    """Have a transaction explained."""
    address = reverse("fraud:alert", args=[request.project.slug, alert_id])
    try:
        alert = alerts.find(request.actor, request.project, alert_id)
        made = explanations.ask(request.actor, alert, request.POST.get("transaction", "")[:256])
    except LoupeError as error:
        say_refused(request, error)
        return HttpResponseRedirect(address)
    return HttpResponseRedirect(f"{address}?explained={made.pk}#explanation")


@require_GET
@project_page(section="alerts")
def live(request: PageRequest, app: str, alert_id: int) -> HttpResponse:
    """The part that changes while a worker is at it."""
    alert = alerts.find(request.actor, request.project, alert_id)
    context = {
        "domain": App,
        "alert": alert,
        "scheme": schemes.of(request.project.pk),
        "hits": alerts.hits_of(alert, MOST_OFFERED),
        **facts(request, alert),
    }
    return render(request, "fraud/explanation.html", context)


def facts(request: PageRequest, alert: Alert) -> dict[str, Any]:
    """What the alert's page says of its explanations."""
    rows = explanations.of_alert(request.actor, alert)
    wanted = request.GET.get("explained", "")
    chosen = next((one for one in rows if str(one.pk) == wanted), rows[0] if rows else None)
    scheme = schemes.of(request.project.pk)
    return {
        "explanations": rows,
        "explanation": chosen,
        "told": explanation_shown.shown(chosen, scheme, type_names(scheme)) if chosen else None,
    }
