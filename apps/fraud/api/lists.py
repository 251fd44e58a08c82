"""Lists by REST."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api import present
from apps.fraud.api.paging import page
from apps.fraud.api.shapes import ListedOrder, ListedPage, ListedShape
from apps.fraud.services import lists
from apps.fraud.services.errors import Unusable
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered, parameter

CHANGING = (Action.MANAGE_CASES, Action.MANAGE_MODELS)
"""Either opens the address; which of them a list needs is for `lists.may` to say."""
PAST = OpenApiParameter("past", str, enum=("yes",), description="Those that are over instead.")


class Entries(Endpoint):
    """Who stands on a list."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": CHANGING}

    @extend_schema(
        operation_id="fraud_lists_get",
        parameters=[describe.PROJECT, PAST, *describe.PAGING],
        responses={200: ListedPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, key: str) -> Response:
        """List the entries of ``watch``, ``allow`` or ``snooze``, newest first."""
        chosen = lists.find(self.actor, self.project, key)
        past = parameter(request, "past", ("yes",)) == "yes"
        rows = lists.entries(chosen, past=past).select_related("list")
        shown, more = page(request, rows, "id", present.listed)
        return answer(ListedPage(entries=shown, next_cursor=more))

    @extend_schema(
        operation_id="fraud_lists_add",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ListedOrder,
        responses={201: ListedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, key: str) -> Response:
        """Put an entity on a list; decisions know it from the next transaction on."""
        order = ordered(request, ListedOrder)
        if order.expires_at is not None and order.expires_at.tzinfo is None:
            raise Unusable(
                "expires_at names no time zone: write it as 2026-01-31T14:30:00Z.",
                field="expires_at",
            )
        made = lists.add(
            self.actor,
            lists.find(self.actor, self.project, key),
            type_=order.type,
            key=order.key,
            reason=order.reason,
            expires_at=order.expires_at,
        )
        return answer(present.listed(made), 201)


class RemoveEntry(Endpoint):
    """Take an entity off a list."""

    policy: ClassVar = {"POST": CHANGING}

    @extend_schema(
        operation_id="fraud_lists_remove",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: ListedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, entry_id: int) -> Response:
        """Take an entity off; who did and when stays in the history."""
        entry = lists.entry_of(self.actor, self.project, entry_id)
        return answer(present.listed(lists.remove(self.actor, entry)))
