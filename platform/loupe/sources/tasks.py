"""Wake-ups of HTTP sources."""

from celery import shared_task

from loupe.sources import polling


@shared_task(name="loupe.sources.poll")  # type: ignore[untyped-decorator]
def poll() -> None:
    """Ask the sources that are due."""
    polling.poll_due()
