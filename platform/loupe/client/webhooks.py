"""Webhooks: list, make, change, try out, delete; and what was delivered."""

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from loupe.api.shapes.webhooks import (
    DeliveryPage,
    DeliveryShape,
    TryShape,
    WebhookCreated,
    WebhookPage,
    WebhookShape,
)
from loupe.client.pages import every
from loupe.client.transport import Transport


class Webhooks:
    """Where the changes of the key's project are posted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[WebhookShape]:
        """All webhooks, newest first."""
        for page in every(self._transport, "webhooks", WebhookPage):
            yield from page.webhooks

    def create(self, url: str, kinds: Iterable[str] = ()) -> WebhookCreated:
        """Make a webhook; keep the secret of the answer, it is shown this once."""
        return self._transport.post("webhooks", WebhookCreated, {"url": url, "kinds": [*kinds]})

    def change(self, webhook_id: uuid.UUID, **fields: Any) -> WebhookShape:
        """Change the fields that are given."""
        path = f"webhooks/{webhook_id}"
        response = self._transport.send("PATCH", path, content=lambda: {"json": fields})
        return WebhookShape.model_validate_json(response.content)

    def test(self, webhook_id: uuid.UUID) -> TryShape:
        """Post one signed ping now."""
        return self._transport.post(f"webhooks/{webhook_id}/test", TryShape)

    def deliveries(self, webhook_id: uuid.UUID) -> Iterator[DeliveryShape]:
        """What went to it, newest first."""
        for page in every(self._transport, f"webhooks/{webhook_id}/deliveries", DeliveryPage):
            yield from page.deliveries

    def replay(self, delivery_id: int) -> DeliveryShape:
        """Send one delivery again."""
        return self._transport.post(f"deliveries/{delivery_id}/replay", DeliveryShape)

    def delete(self, webhook_id: uuid.UUID) -> None:
        """Remove it with its history."""
        self._transport.send("DELETE", f"webhooks/{webhook_id}")
