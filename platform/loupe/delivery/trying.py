"""Tries a webhook out: one signed ping, sent while the person waits."""

import json

from django.utils import timezone

from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.delivery import addresses, posting
from loupe.delivery.models import Webhook
from loupe.delivery.posting import Answer
from loupe.delivery.signature import HEADER, sign

KIND = "webhook.test"


def try_out(actor: Actor, webhook: Webhook) -> Answer:
    """Post a ping of the kind ``webhook.test``, signed as every delivery is; what came of it.

    Raises:
        NotVisible, Denied: the actor may not manage webhooks here.
        AddressRefused: the URL or where it leads is not allowed.
    """
    require(actor, Action.MANAGE_WEBHOOKS, webhook.project)
    now = timezone.now()
    body = json.dumps(
        {"kind": KIND, "at": now.isoformat(), "project": webhook.project.slug}, sort_keys=True
    ).encode()
    headers = {
        HEADER: sign(webhook.secret, body, int(now.timestamp())),
        "Loupe-Event-Kind": KIND,
    }
    answer = posting.post(addresses.resolve(webhook.url), body, headers)
    audit.record(
        actor,
        webhook.project,
        "webhook.tested",
        f"webhook:{webhook.pk}",
        {"status": answer.status, "error": answer.error},
    )
    return answer
