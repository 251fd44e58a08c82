"""Wake-ups: messages that say "there is work", never what the work is.

A message that gets lost costs a few seconds: the reaper sends another.
"""

import logging
import uuid

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from loupe.jobs.limits import CLAIM_SIZE
from loupe.jobs.models import Job

log = logging.getLogger(__name__)

WORK = "loupe.jobs.work"
STALE_SECONDS = 60
"""A wake-up nobody took for this long is dropped; by then the reaper has sent another."""


def send(job_id: uuid.UUID, count: int = 1) -> bool:
    """Tell workers now that this job has work. Returns whether the broker took the message."""
    try:
        for _ in range(count):
            current_app.send_task(WORK, args=[str(job_id)], expires=STALE_SECONDS)
    except (OperationalError, OSError) as error:
        log.warning("the broker took no wake-up for job %s: %s; the reaper sends it", job_id, error)
        return False
    Job.objects.filter(pk=job_id).update(woken_at=timezone.now())
    return True


def send_after_commit(job_id: uuid.UUID, items: int) -> None:
    """Wake as many workers as the work can use once the current transaction is committed."""
    count = max(1, min(settings.CELERY_WORKER_CONCURRENCY, items // CLAIM_SIZE))
    transaction.on_commit(lambda: send(job_id, count), robust=True)
