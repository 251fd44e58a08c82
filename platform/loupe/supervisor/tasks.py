"""What a first start leaves to a worker."""

import uuid
from typing import Any

from celery import shared_task

from loupe.supervisor import demo

TRIES = 200


@shared_task(name=demo.AFTER_SAMPLES, bind=True, max_retries=TRIES)  # type: ignore[untyped-decorator]
def after_samples(self: Any, job_id: str) -> None:
    """Add to an app's samples once they are through; looked at again until they are."""
    if not demo.after_samples(uuid.UUID(job_id)):
        raise self.retry(countdown=demo.LOOK_S)
