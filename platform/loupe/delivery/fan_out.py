"""Turns changes into deliveries: one for each webhook that wants the kind.

Each webhook remembers the last change it was given. Changes become visible in the order of their
numbers, so a cursor misses none; the unique pair of webhook and change makes a second pass of the
same stretch harmless.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from loupe.changes.models import Change
from loupe.changes.services import since
from loupe.delivery.models import Delivery, Webhook

STRETCH = 500
GIVE_UP_AFTER = timedelta(days=1)


def fan_out() -> int:
    """Make the deliveries that are missing; returns how many were made."""
    newer = Change.objects.filter(project=OuterRef("project"), pk__gt=OuterRef("cursor"))
    behind = Webhook.objects.filter(Exists(newer), enabled=True)
    return sum(_advance(pk) for pk in list(behind.values_list("pk", flat=True)))


@transaction.atomic
def _advance(pk: UUID) -> int:
    """One webhook, as far as the feed reaches now."""
    webhook = Webhook.objects.select_for_update().filter(pk=pk, enabled=True).first()
    if webhook is None:
        return 0
    made = 0
    while stretch := list(since(webhook.project, webhook.cursor, limit=STRETCH)):
        now = timezone.now()
        wanted = [one for one in stretch if not webhook.kinds or one.kind in webhook.kinds]
        Delivery.objects.bulk_create(
            [
                Delivery(
                    webhook=webhook,
                    change=change,
                    next_attempt_at=now,
                    give_up_at=now + GIVE_UP_AFTER,
                )
                for change in wanted
            ],
            ignore_conflicts=True,
        )
        webhook.cursor = stretch[-1].pk
        made += len(wanted)
    webhook.save(update_fields=["cursor"])
    return made
