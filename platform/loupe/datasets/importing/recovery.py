"""What beat runs every few seconds: open imports that nobody works on, records without
fingerprints, scratch folders of imports that have ended."""

from django.db.models import Q
from django.utils import timezone

from loupe.datasets import fingerprints, wakeups
from loupe.datasets.importing import scratch
from loupe.datasets.models import IMPORT_OPEN, Import


def recover() -> int:
    """Send the messages that are due; returns how many."""
    now = timezone.now()
    waiting = Import.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(not_before__isnull=True) | Q(not_before__lte=now),
        state__in=IMPORT_OPEN,
    )
    sent = 0
    for pk in waiting.order_by("created_at").values_list("pk", flat=True)[:20]:
        sent += wakeups.send(wakeups.IMPORT, pk)
    for pk in fingerprints.missing()[:20]:
        sent += wakeups.send(wakeups.FINGERPRINT, pk)
    scratch.sweep()
    return sent
