"""The changes feed and the list of apps."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.policy import Action
from loupe.api import describe
from loupe.api.answers import answer, parameter
from loupe.api.endpoint import Endpoint
from loupe.api.paging import decode, encode, limit_of
from loupe.api.problems import refuse_field
from loupe.api.shapes.feed import ChangePage, ChangeShape
from loupe.changes import services
from loupe.changes.kinds import Kind

_KINDS = frozenset(kind.value for kind in Kind)


class Changes(Endpoint):
    """Everything since a cursor."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="changes_list",
        parameters=[
            describe.PROJECT,
            OpenApiParameter(
                "cursor",
                str,
                description="`next_cursor` of the last call; left out: from the start.",
            ),
            OpenApiParameter(
                "kinds",
                str,
                description=f"Only these, comma-separated: {', '.join(sorted(_KINDS))}.",
            ),
            describe.PAGING[0],
        ],
        responses={200: ChangePage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List what happened since a cursor, oldest first."""
        cursor = request.query_params.get("cursor")
        since = decode(cursor, int) if cursor is not None else 0
        kinds = [kind for kind in parameter(request, "kinds").split(",") if kind]
        unknown = sorted(set(kinds) - _KINDS)
        if unknown:
            raise refuse_field(
                "kinds", f"kinds={unknown} are not known; there are: {', '.join(sorted(_KINDS))}."
            )
        limit = limit_of(request)
        start = since if isinstance(since, int) else 0
        found = list(services.since(self.project, start, kinds=kinds, limit=limit + 1))
        shown = found[:limit]
        return answer(
            ChangePage(
                changes=[
                    ChangeShape(
                        id=row.pk, at=row.at, kind=row.kind, subject=row.subject, data=row.data
                    )
                    for row in shown
                ],
                next_cursor=encode(shown[-1].pk if shown else start),
                more=len(found) > limit,
            )
        )
