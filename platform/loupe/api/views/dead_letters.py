"""Webhook deliveries that were given up: looked through, sent again, put aside."""

import uuid
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint
from loupe.api.idempotency import idempotent
from loupe.api.paging import newest_first
from loupe.api.problems import refuse_field
from loupe.api.shapes.webhooks import (
    DeadLetterOrder,
    DeadLetterPage,
    DeadLetterShape,
    DeadLettersMoved,
)
from loupe.api.views.webhooks import delivery_fields
from loupe.delivery import dead_letters
from loupe.delivery.dead_letters import Chosen
from loupe.delivery.models import Delivery

_MANAGE = Action.MANAGE_WEBHOOKS


def _shown(row: Delivery) -> DeadLetterShape:
    return DeadLetterShape(**delivery_fields(row), webhook=row.webhook_id, url=row.webhook.url)


def _chosen(order: DeadLetterOrder) -> Chosen:
    ids = None if order.deliveries is None else tuple(order.deliveries)
    return Chosen(webhook_id=order.webhook, kind=order.kind, ids=ids)


class DeadLetters(Endpoint):
    """What could not be delivered."""

    policy: ClassVar = {"GET": _MANAGE}

    @extend_schema(
        operation_id="dead_letters_list",
        parameters=[
            describe.PROJECT,
            OpenApiParameter("webhook", uuid.UUID, description="Only those of this webhook."),
            OpenApiParameter("kind", str, description="Only changes of this kind."),
            *describe.PAGING,
        ],
        responses={200: DeadLetterPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List deliveries that were given up, newest first, with every attempt."""
        named = parameter(request, "webhook")
        try:
            webhook_id = uuid.UUID(named) if named else None
        except ValueError as error:
            raise refuse_field("webhook", f"webhook={named[:60]!r} is no id.") from error
        chosen = Chosen(webhook_id=webhook_id, kind=parameter(request, "kind"))
        rows = dead_letters.listing(self.actor, self.project, chosen)
        shown, cursor = newest_first(request, rows, _shown)
        return answer(DeadLetterPage(dead_letters=shown, next_cursor=cursor))


class ReplayDeadLetters(Endpoint):
    """Send them again."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="dead_letters_replay",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=DeadLetterOrder,
        responses={202: DeadLettersMoved, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Send dead letters again, each with another day to arrive: those named, or all that
        match. Those of webhooks that are switched off stay."""
        chosen = _chosen(ordered(request, DeadLetterOrder))
        moved = dead_letters.replay(self.actor, self.project, chosen)
        return answer(DeadLettersMoved(count=moved), 202)


class DiscardDeadLetters(Endpoint):
    """Put them aside."""

    policy: ClassVar = {"POST": _MANAGE}

    @extend_schema(
        operation_id="dead_letters_discard",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=DeadLetterOrder,
        responses={200: DeadLettersMoved, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Put dead letters aside for good: those named, or all that match. History stays."""
        chosen = _chosen(ordered(request, DeadLetterOrder))
        moved = dead_letters.discard(self.actor, self.project, chosen)
        return answer(DeadLettersMoved(count=moved))
