"""Takes due deliveries one by one, each under a lease, and writes every attempt down."""

import json
import random
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from loupe.delivery import addresses, posting
from loupe.delivery.errors import AddressRefused
from loupe.delivery.models import Attempt, Delivery
from loupe.delivery.posting import Answer
from loupe.delivery.signature import HEADER, sign

LEASE = timedelta(seconds=60)
"""Longer than a try may take, so that two workers never send the same delivery at once."""
FIRST_WAIT_S = 10.0
LONGEST_WAIT_S = 4 * 3600.0
PASS_S = 60.0


def send_due(pass_s: float = PASS_S) -> int:
    """Send what is due until nothing is or `pass_s` seconds went by; returns how many tries.

    A receiver that fails is left alone for the rest of the pass, so that it holds up nobody else.
    """
    end = time.monotonic() + pass_s
    failing: set[UUID] = set()
    tries = 0
    while time.monotonic() < end:
        delivery = _claim(failing)
        if delivery is None:
            break
        tries += 1
        if not _send(delivery):
            failing.add(delivery.webhook_id)
    return tries


def _claim(failing: set[UUID]) -> Delivery | None:
    """The delivery that waits longest, leased to this caller."""
    while True:
        now = timezone.now()
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        due = Delivery.objects.filter(
            free,
            state=Delivery.State.PENDING,
            next_attempt_at__lte=now,
            webhook__enabled=True,
        ).exclude(webhook__in=failing)
        pk = due.order_by("next_attempt_at", "pk").values_list("pk", flat=True).first()
        if pk is None:
            return None
        lease = now + LEASE
        taken = Delivery.objects.filter(free, pk=pk, state=Delivery.State.PENDING).update(
            lease_until=lease
        )
        if taken:
            found = Delivery.objects.select_related("webhook__project", "change")
            return found.get(pk=pk)


def body_of(delivery: Delivery) -> bytes:
    """What is posted: the change as UTF-8 JSON, the same bytes at every try."""
    change = delivery.change
    return json.dumps(
        {
            "id": change.pk,
            "kind": change.kind,
            "at": change.at.isoformat(),
            "project": delivery.webhook.project.slug,
            "subject": change.subject,
            "data": change.data,
        },
        ensure_ascii=False,
        sort_keys=True,
    ).encode()


def _send(delivery: Delivery) -> bool:
    """One try; returns whether the receiver has it."""
    started = timezone.now()
    body = body_of(delivery)
    headers = {
        HEADER: sign(delivery.webhook.secret, body, int(started.timestamp())),
        "Loupe-Event-Id": str(delivery.change_id),
        "Loupe-Event-Kind": delivery.change.kind,
        "Loupe-Delivery-Id": str(delivery.pk),
    }
    try:
        answer = posting.post(addresses.resolve(delivery.webhook.url), body, headers)
    except AddressRefused as error:
        answer = Answer(status=None, error=error.message[:300], elapsed_ms=0.0)
    _note(delivery, started, answer)
    return answer.taken


@transaction.atomic
def _note(delivery: Delivery, started: datetime, answer: Answer) -> None:
    """Write the attempt, and what becomes of the delivery if the lease still holds."""
    Attempt.objects.create(
        delivery=delivery,
        at=started,
        status=answer.status,
        error=answer.error,
        elapsed_ms=answer.elapsed_ms,
    )
    wait = backoff_s(delivery.attempts.count())
    next_at = timezone.now() + timedelta(seconds=wait)
    if answer.taken:
        state = Delivery.State.DELIVERED
    elif next_at > delivery.give_up_at:
        state = Delivery.State.GIVEN_UP
    else:
        state = Delivery.State.PENDING
    Delivery.objects.filter(pk=delivery.pk, lease_until=delivery.lease_until).update(
        state=state, next_attempt_at=next_at, lease_until=None
    )


def backoff_s(attempts: int) -> float:
    """Seconds until the next try after `attempts` failed ones: doubling, up to four hours, with a
    random fifth up or down so that receivers are not hit by everything at once."""
    wait = min(FIRST_WAIT_S * 2.0 ** (attempts - 1), LONGEST_WAIT_S)
    return wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
