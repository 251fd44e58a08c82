"""Webhooks: made with a secret shown once, listed with every attempt, switched, sent again."""

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action
from loupe.changes.kinds import Kind
from loupe.console.pages.forms import NamedChoices, blame
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.contract.runtime.errors import LoupeError
from loupe.delivery import dead_letters, trying
from loupe.delivery import services as delivery
from loupe.delivery.models import Delivery, Webhook

SHOWN = 50


class WebhookForm(forms.Form):
    """Where to post, and what."""

    url = forms.URLField(
        label=gettext_lazy("Address"),
        max_length=500,
        assume_scheme="https",
        help_text=gettext_lazy("Private and local addresses are refused."),
    )
    kinds = NamedChoices(
        names=[kind.value for kind in Kind],
        label=gettext_lazy("What is sent (nothing chosen: everything)"),
        required=False,
    )


def _find(request: PageRequest, webhook_id: uuid.UUID) -> Webhook:
    webhook = delivery.find(request.actor, webhook_id)
    if webhook.project_id != request.project.pk:
        raise NotVisible(_("There is no webhook %(id)s that you can see.") % {"id": webhook_id})
    return webhook


@never_cache
@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_WEBHOOKS, section="settings")
def listing(request: PageRequest) -> HttpResponse:
    """List webhooks and make new ones. The secret is in this one answer and nowhere else."""
    given = request.POST if request.method == "POST" else None
    form = WebhookForm(given)
    secret = ""
    if given is not None and form.is_valid():
        try:
            _made, secret = delivery.create(request.actor, request.project, **form.cleaned_data)
            form = WebhookForm()
        except LoupeError as error:
            blame(form, error)
    found = delivery.listing(request.actor, request.project)
    context = {
        "form": form,
        "webhooks": found,
        "secret": secret,
        "dead": dead_letters.count(request.project),
    }
    return render(request, "console/settings_webhooks.html", context)


@require_http_methods(["GET", "POST"])
@project_page(Action.MANAGE_WEBHOOKS, section="settings")
def page(request: PageRequest, webhook_id: uuid.UUID) -> HttpResponse:
    """One webhook with its deliveries and their attempts."""
    webhook = _find(request, webhook_id)
    given = request.POST if request.method == "POST" else None
    form = WebhookForm(given, initial={"url": webhook.url, "kinds": webhook.kinds})
    if given is not None and form.is_valid():
        try:
            delivery.update(request.actor, webhook, **form.cleaned_data)
            say(request, _("Saved."))
            return HttpResponseRedirect(request.path)
        except LoupeError as error:
            blame(form, error)
    sent = list(delivery.deliveries(request.actor, webhook)[:SHOWN])
    context = {"webhook": webhook, "form": form, "deliveries": sent}
    return render(request, "console/settings_webhook.html", context)


@never_cache
@require_POST
@project_page(Action.MANAGE_WEBHOOKS, section="settings")
def act(request: PageRequest, webhook_id: uuid.UUID, verb: str) -> HttpResponse:
    """Switch, delete, renew the secret, or send one delivery again."""
    webhook = _find(request, webhook_id)
    there = reverse("console:webhook", args=[request.project.slug, webhook.pk])
    try:
        match verb:
            case "on" | "off":
                delivery.update(request.actor, webhook, enabled=verb == "on")
                say(request, _("Switched on.") if verb == "on" else _("Switched off."))
            case "delete":
                delivery.delete(request.actor, webhook)
                say(request, _("Deleted."))
                there = reverse("console:webhooks", args=[request.project.slug])
            case "secret":
                context = {
                    "webhook": webhook,
                    "secret": delivery.rotate_secret(request.actor, webhook),
                }
                return render(request, "console/settings_webhook_secret.html", context)
            case "test":
                answer = trying.try_out(request.actor, webhook)
                came = answer.status or answer.error
                if answer.status is not None and 200 <= answer.status < 300:
                    say(request, _("A test arrived: %(answer)s.") % {"answer": came})
                else:
                    messages.error(
                        request, _("The test did not arrive: %(answer)s.") % {"answer": came}
                    )
            case "replay":
                number = request.POST.get("delivery", "")
                sent = Delivery.objects.filter(webhook=webhook, pk=int(number or 0)).first()
                if sent is None:
                    raise NotVisible(_("There is no such delivery."))
                delivery.replay(request.actor, sent)
                say(request, _("It is on its way again."))
            case _unknown:
                raise NotVisible(_("A webhook cannot do that."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(there)
