"""Wake-ups of webhooks."""

from celery import shared_task

from loupe.delivery.fan_out import fan_out
from loupe.delivery.sending import send_due


@shared_task(name="loupe.delivery.deliver")  # type: ignore[untyped-decorator]
def deliver() -> None:
    """Turn new changes into deliveries and send those that are due."""
    fan_out()
    send_due()
