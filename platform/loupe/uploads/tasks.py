"""Wake-ups of uploads."""

from celery import shared_task

from loupe.uploads import services


@shared_task(name="loupe.uploads.sweep")  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Remove uploads that nobody went on with."""
    services.sweep()
