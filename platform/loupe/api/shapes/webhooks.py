"""Webhooks, their deliveries and attempts."""

import uuid
from datetime import datetime

from pydantic import Field

from loupe.api.shapes.base import Order, Paged, Shape


class WebhookOrder(Order):
    """Where changes shall be posted."""

    url: str = Field(max_length=500, examples=["https://mes.example.com/loupe"])
    kinds: list[str] = Field(default_factory=list, max_length=50, description="empty: all")


class WebhookChange(Order):
    """What of a webhook shall change; fields left out stay."""

    url: str | None = Field(default=None, max_length=500)
    kinds: list[str] | None = Field(default=None, max_length=50)
    enabled: bool | None = None


class WebhookShape(Shape):
    """Where a project's changes are posted."""

    id: uuid.UUID
    project: str
    url: str
    kinds: list[str]
    enabled: bool
    created_at: datetime


class WebhookCreated(WebhookShape):
    """A new webhook with the secret that signs its deliveries, shown this once."""

    secret: str


class WebhookPage(Paged):
    """One page of webhooks."""

    webhooks: list[WebhookShape]


class AttemptShape(Shape):
    """One try of a delivery."""

    at: datetime
    status: int | None = Field(description="HTTP status, if one came")
    error: str
    elapsed_ms: float


class DeliveryShape(Shape):
    """One change on its way to a webhook."""

    id: int
    change: int
    kind: str
    state: str = Field(description="pending, delivered, given_up or discarded")
    next_attempt_at: datetime | None
    created_at: datetime
    attempts: list[AttemptShape]


class DeliveryPage(Paged):
    """A webhook's deliveries, newest first."""

    deliveries: list[DeliveryShape]


class DeadLetterShape(DeliveryShape):
    """A delivery that was given up."""

    webhook: uuid.UUID
    url: str


class DeadLetterPage(Paged):
    """What could not be delivered, newest first."""

    dead_letters: list[DeadLetterShape]


class DeadLetterOrder(Order):
    """Which dead letters: those named, or all that match. With nothing given: all."""

    deliveries: list[int] | None = Field(default=None, max_length=10_000)
    webhook: uuid.UUID | None = None
    kind: str = Field(default="", max_length=50, description="of the change")


class DeadLettersMoved(Shape):
    """How many dead letters were moved."""

    count: int


class TryShape(Shape):
    """What came of a ping."""

    taken: bool = Field(description="whether the receiver answered with 2xx")
    status: int | None
    error: str
    elapsed_ms: float
