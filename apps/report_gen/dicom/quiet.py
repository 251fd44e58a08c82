"""When a study is complete: no new image of it for as long as its node's quiet time.

The time stands in the database (`Arrival.due_at`), so a restart neither loses nor forgets it.
"""

import logging
import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.report_gen.dicom import priors
from apps.report_gen.models import Arrival, Study
from apps.report_gen.services import arriving

logger = logging.getLogger("loupe.report_gen")

AT_ONCE = 50


def close_due(now: datetime | None = None) -> list[uuid.UUID]:
    """Hold every study that was quiet for long enough to be complete, and have it read.

    Returns their keys. Two processes that do this at once close each study once.
    """
    now = now or timezone.now()
    due = Arrival.objects.filter(open=True, due_at__lte=now).order_by("due_at")
    return [key for key in due.values_list("pk", flat=True)[:AT_ONCE] if _closed(key, now)]


def close_now(study: Study) -> bool:
    """Hold a study to be complete without waiting; returns whether it was open."""
    Arrival.objects.filter(study=study, open=True).update(due_at=timezone.now())
    return study.pk in close_due()


def _closed(key: uuid.UUID, now: datetime) -> bool:
    with transaction.atomic():
        # `due_at` again: an image may have come in between.
        if not Arrival.objects.filter(pk=key, open=True, due_at__lte=now).update(open=False):
            return False
        arriving.complete(key)
        priors.plan(key)
    logger.info("Study %s was quiet for long enough: it is complete", key)
    return True
