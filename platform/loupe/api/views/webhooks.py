"""Webhooks: made, changed, tried out, deleted; and what was delivered to them."""

import uuid
from typing import Any, ClassVar

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer, ordered
from loupe.api.endpoint import Endpoint, RowEndpoint, find
from loupe.api.idempotency import LastStep, idempotent, idempotent_last_step
from loupe.api.paging import newest_first
from loupe.api.shapes.webhooks import (
    AttemptShape,
    DeliveryPage,
    DeliveryShape,
    TryShape,
    WebhookChange,
    WebhookCreated,
    WebhookOrder,
    WebhookPage,
    WebhookShape,
)
from loupe.delivery import services, trying
from loupe.delivery.models import Delivery, Webhook

_MANAGE = Action.MANAGE_WEBHOOKS


def _fields(row: Webhook) -> dict[str, Any]:
    return {
        "id": row.pk,
        "project": row.project.slug,
        "url": row.url,
        "kinds": row.kinds,
        "enabled": row.enabled,
        "created_at": row.created_at,
    }


def _shown(row: Webhook) -> WebhookShape:
    return WebhookShape(**_fields(row))


def delivery_fields(row: Delivery) -> dict[str, Any]:
    """What is shown of a delivery; asks for its change and attempts."""
    waits = row.state == Delivery.State.PENDING
    return {
        "id": row.pk,
        "change": row.change_id,
        "kind": row.change.kind,
        "state": row.state,
        "next_attempt_at": row.next_attempt_at if waits else None,
        "created_at": row.created_at,
        "attempts": [
            AttemptShape(
                at=each.at, status=each.status, error=each.error, elapsed_ms=each.elapsed_ms
            )
            for each in row.attempts.all()
        ],
    }


def _delivery(row: Delivery) -> DeliveryShape:
    return DeliveryShape(**delivery_fields(row))


class Webhooks(Endpoint):
    """Where a project's changes are posted."""

    policy: ClassVar = {"GET": _MANAGE, "POST": _MANAGE}

    @extend_schema(
        operation_id="webhooks_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: WebhookPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List webhooks, newest first."""
        rows = Webhook.objects.filter(project=self.project).select_related("project")
        shown, cursor = newest_first(request, rows, _shown)
        return answer(WebhookPage(webhooks=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="webhooks_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=WebhookOrder,
        responses={201: WebhookCreated, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request) -> LastStep:
        """Make a webhook. The answer holds the secret that signs deliveries, this once."""
        order = ordered(request, WebhookOrder)
        webhook, secret = services.create(self.actor, self.project, order.url, order.kinds)
        location = reverse("api:webhook", args=[webhook.pk])
        created = WebhookCreated(**_fields(webhook), secret=secret)
        return lambda: answer(created, 201, {"Location": location})


class WebhookEndpoint(RowEndpoint[Webhook]):
    """A view of one webhook."""

    key = "webhook_id"

    def rows(self) -> "models.QuerySet[Webhook]":
        return Webhook.objects.select_related("project")


class OneWebhook(WebhookEndpoint):
    """One webhook."""

    policy: ClassVar = {"GET": _MANAGE, "PATCH": _MANAGE, "DELETE": _MANAGE}

    @extend_schema(operation_id="webhooks_get", responses={200: WebhookShape, **describe.PROBLEMS})
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Show a webhook."""
        return answer(_shown(self.row))

    @extend_schema(
        operation_id="webhooks_change",
        request=WebhookChange,
        responses={200: WebhookShape, **describe.PROBLEMS},
    )
    def patch(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Change a webhook; fields left out stay."""
        order = ordered(request, WebhookChange)
        changed = services.update(
            self.actor, self.row, url=order.url, kinds=order.kinds, enabled=order.enabled
        )
        return answer(_shown(changed))

    @extend_schema(operation_id="webhooks_delete", responses={204: None, **describe.PROBLEMS})
    def delete(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """Delete a webhook with the history of its deliveries."""
        services.delete(self.actor, self.row)
        return Response(status=204)


class WebhookDeliveries(WebhookEndpoint):
    """What went to a webhook."""

    policy: ClassVar = {"GET": _MANAGE}

    @extend_schema(
        operation_id="webhooks_deliveries",
        parameters=[*describe.PAGING],
        responses={200: DeliveryPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, webhook_id: uuid.UUID) -> Response:
        """List deliveries with every attempt, newest first."""
        rows = services.deliveries(self.actor, self.row)
        shown, cursor = newest_first(request, rows, _delivery)
        return answer(DeliveryPage(deliveries=shown, next_cursor=cursor))


class ReplayDelivery(RowEndpoint[Delivery]):
    """Send one delivery again."""

    policy: ClassVar = {"POST": _MANAGE}
    key = "delivery_id"
    project_path = "webhook__project"

    def rows(self) -> "models.QuerySet[Delivery]":
        return Delivery.objects.select_related("webhook__project", "change")

    @extend_schema(
        operation_id="webhooks_replay",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={202: DeliveryShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, delivery_id: int) -> Response:
        """Send a delivery again, with another day to arrive."""
        services.replay(self.actor, self.row)
        return answer(
            _delivery(find(self.rows(), self.actor, delivery_id, "pk", self.project_path)), 202
        )


class TryWebhook(WebhookEndpoint):
    """See whether a webhook is reached."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="webhooks_test",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: TryShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request, webhook_id: uuid.UUID) -> LastStep:
        """Post one signed ping now and say what came of it."""
        found = trying.try_out(self.actor, self.row)
        shown = TryShape(
            taken=found.taken,
            status=found.status,
            error=found.error,
            elapsed_ms=found.elapsed_ms,
        )
        return lambda: answer(shown)
