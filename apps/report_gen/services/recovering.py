"""Finds what nobody works on, after a kill or while the broker was away: safe to run any time."""

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from apps.report_gen.models import Delivery, DeliveryState, Study, StudyState
from apps.report_gen.services import following, scratch, wakeups
from apps.report_gen.services.reporting import sending_back
from apps.report_gen.services.reporting import wakeups as reader_wakeups

PATIENCE: Final = timedelta(seconds=150)
AT_ONCE: Final = 200


def recover() -> int:
    """Wake up deliveries, studies and signed reports that wait; fail what can get no result.

    Returns how many.
    """
    now = timezone.now()
    scratch.sweep()
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING).filter(
        Q(lease_until=None) | Q(lease_until__lte=now)
    )
    count = 0
    for delivery_id in waiting.values_list("pk", flat=True)[:AT_ONCE]:
        wakeups.wake_delivery(delivery_id)
        count += 1
    late = Study.objects.filter(state=StudyState.WAITING, complete_at__lte=now - PATIENCE)
    for study_id in late.values_list("pk", flat=True)[:AT_ONCE]:
        wakeups.wake_study(study_id)
        count += 1
    for study_id in sending_back.waiting(now):
        reader_wakeups.send_back(study_id)
        count += 1
    return count + following.settle()
