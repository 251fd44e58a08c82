"""Webhooks: made, changed, deleted, and what was delivered to them."""

import secrets
from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.audit import services as audit
from loupe.changes.kinds import Kind
from loupe.changes.services import head
from loupe.delivery import addresses
from loupe.delivery.errors import WebhookInvalid
from loupe.delivery.fan_out import GIVE_UP_AFTER
from loupe.delivery.models import Delivery, Webhook


def listing(actor: Actor, project: Project) -> "models.QuerySet[Webhook]":
    """The project's webhooks, oldest first. Never show `secret`."""
    require(actor, Action.MANAGE_WEBHOOKS, project)
    return Webhook.objects.filter(project=project).order_by("created_at")


def find(actor: Actor, webhook_id: Any) -> Webhook:
    """One webhook.

    Raises:
        NotVisible: it does not exist for this actor.
        Denied: the actor may not manage webhooks.
    """
    rows = visible(Webhook.objects.select_related("project"), actor)
    webhook = rows.filter(pk=webhook_id).first()
    if webhook is None:
        raise NotVisible(_("There is no webhook %(id)s that you can see.") % {"id": webhook_id})
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    return webhook


def create(
    actor: Actor, project: Project, url: str, kinds: Iterable[str] = ()
) -> tuple[Webhook, str]:
    """Post the project's changes to `url` from now on; returns the secret, shown this once.

    Args:
        kinds: names of `loupe.changes.kinds.Kind`; none: all.

    Raises:
        NotVisible, Denied: the actor may not manage webhooks here.
        AddressRefused: the URL or where it leads is not allowed.
        WebhookInvalid: an unknown kind.
    """
    require(actor, Action.MANAGE_WEBHOOKS, project)
    wanted = _kinds(kinds)
    addresses.resolve(url)
    secret = _new_secret()
    with transaction.atomic():
        webhook = Webhook.objects.create(
            project=project, url=url, kinds=wanted, secret=secret, cursor=head(project)
        )
        audit.record(actor, project, "webhook.created", f"webhook:{webhook.pk}", _told(webhook))
    return webhook, secret


def update(
    actor: Actor,
    webhook: Webhook,
    *,
    url: str | None = None,
    kinds: Iterable[str] | None = None,
    enabled: bool | None = None,
) -> Webhook:
    """Change what is given; None leaves it as it is.

    A webhook that is switched on again does not get what happened while it was off.

    Raises:
        NotVisible, Denied, AddressRefused, WebhookInvalid: as `create`.
    """
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    wanted = None if kinds is None else _kinds(kinds)
    if url is not None:
        addresses.resolve(url)
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        before = _told(webhook)
        webhook.url = webhook.url if url is None else url
        webhook.kinds = webhook.kinds if wanted is None else wanted
        if enabled and not webhook.enabled:
            webhook.cursor = head(webhook.project)
        webhook.enabled = webhook.enabled if enabled is None else enabled
        webhook.save()
        audit.record(
            actor,
            webhook.project,
            "webhook.changed",
            f"webhook:{webhook.pk}",
            {"before": before, "after": _told(webhook)},
        )
    return webhook


@transaction.atomic
def rotate_secret(actor: Actor, webhook: Webhook) -> str:
    """Give a webhook a new secret, shown this once; the old one signs nothing from now on."""
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    secret = _new_secret()
    Webhook.objects.filter(pk=webhook.pk).update(secret=secret)
    audit.record(actor, webhook.project, "webhook.secret_rotated", f"webhook:{webhook.pk}", {})
    return secret


@transaction.atomic
def delete(actor: Actor, webhook: Webhook) -> None:
    """Remove a webhook with its deliveries and their attempts."""
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    told, subject = _told(webhook), f"webhook:{webhook.pk}"
    webhook.delete()
    audit.record(actor, webhook.project, "webhook.deleted", subject, told)


def deliveries(actor: Actor, webhook: Webhook) -> "models.QuerySet[Delivery]":
    """What went or goes to a webhook, newest first, with every attempt."""
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    rows = Delivery.objects.filter(webhook=webhook).select_related("change")
    return rows.prefetch_related("attempts").order_by("-pk")


@transaction.atomic
def replay(actor: Actor, delivery: Delivery) -> Delivery:
    """Send one delivery again, with another day to arrive.

    Raises:
        NotVisible, Denied: the actor may not manage webhooks here.
        WebhookInvalid: the webhook is switched off.
    """
    webhook = delivery.webhook
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    if not webhook.enabled:
        raise WebhookInvalid(_("The webhook is switched off: switch it on first."))
    now = timezone.now()
    delivery = Delivery.objects.select_for_update().get(pk=delivery.pk)
    delivery.state = Delivery.State.PENDING
    delivery.next_attempt_at, delivery.give_up_at = now, now + GIVE_UP_AFTER
    delivery.save(update_fields=["state", "next_attempt_at", "give_up_at"])
    audit.record(
        actor,
        webhook.project,
        "webhook.replayed",
        f"webhook:{webhook.pk}",
        {"delivery": delivery.pk, "change": delivery.change_id},
    )
    return delivery


def _kinds(kinds: Iterable[str]) -> list[str]:
    wanted = sorted(set(kinds))
    unknown = [kind for kind in wanted if kind not in set(Kind)]
    if unknown:
        raise WebhookInvalid(
            _("Kinds %(given)s are not known: choose of %(known)s.")
            % {"given": unknown, "known": ", ".join(Kind)},
            code="kind_unknown",
        )
    return wanted


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _told(webhook: Webhook) -> dict[str, Any]:
    """What the audit log keeps of a webhook; never the secret."""
    return {"url": webhook.url, "kinds": webhook.kinds, "enabled": webhook.enabled}
