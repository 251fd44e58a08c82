"""Rings by REST: who acts together, by what evidence, and since when."""

from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api.paging import page
from apps.fraud.api.shapes import ScoreReasonShape
from apps.fraud.models import Alert
from apps.fraud.models.alerts import AlertKind
from apps.fraud.rings.words import ring_name
from apps.fraud.scheme import Scheme
from apps.fraud.services import alerts, schemes
from apps.fraud.services.alerts import ORDERS, STATES, Filters
from apps.fraud.services.errors import Unusable
from apps.fraud.views.alerts import ORDER_FIELDS
from loupe.host.people import Action, NotVisible
from loupe.host.rest import Endpoint, Paged, Shape, answer, describe, limit_of

MOST_MEMBERS = 500
"""Of one page of members."""


class RingNameShape(Shape):
    """What a ring is called: who its members are, and what they share."""

    en: str
    zh: str


class RingShape(Shape):
    """A ring: payers tied together by what they share, in one alert."""

    id: int = Field(description="of its alert")
    key: str = Field(description="its first member, by which it is known while it grows")
    name: RingNameShape
    payer: str = Field(description="the type of its members")
    members: int
    score: float
    money: int = Field(
        description="what its members paid meanwhile, minor units of the project's currency"
    )
    moved: int = Field(description="of that, what went from member to member")
    evidence: list[ScoreReasonShape] = Field(description="strongest first")
    state: str = Field(description="open, in_case or closed")
    case: int | None
    disposition: str
    first_event: int
    last_event: int
    raised_at: datetime
    changed_at: datetime


class TieShape(Shape):
    """What ties a member to something or to another member."""

    member: str
    relation: str = Field(description="the type of what is shared, or pays")
    other: str
    count: int


class RingDetail(RingShape):
    """A ring with its ties, the first 2,000, and the first members."""

    first_members: list[str]
    ties: list[TieShape]


class RingPage(Paged):
    """One page of rings."""

    rings: list[RingShape]


class MemberPage(Paged):
    """One page of a ring's members, in the order of their keys."""

    members: list[str]


def ring(row: Alert, scheme: Scheme) -> RingShape:
    """A ring's alert, fetched with its case."""
    return RingShape(**_ring(row, scheme))


def ring_detail(row: Alert, scheme: Scheme) -> RingDetail:
    """The same with what ties its members."""
    members = _members(row)
    ties = [
        TieShape(
            member=one["left"], relation=one["relation"], other=one["right"], count=one["count"]
        )
        for one in row.ring.get("ties", ())
    ]
    return RingDetail(**_ring(row, scheme), first_members=members[:MOST_MEMBERS], ties=ties)


def _ring(row: Alert, scheme: Scheme) -> dict[str, Any]:
    return {
        "id": row.pk,
        "key": row.entity_key,
        "name": ring_name(row.ring, scheme),
        "payer": str(row.ring.get("payer", "")),
        "members": len(_members(row)),
        "score": row.score,
        "money": row.amount,
        "moved": int(row.ring.get("moved") or 0),
        "evidence": row.reasons,
        "state": row.state,
        "case": row.case.number if row.case else None,
        "disposition": row.disposition,
        "first_event": row.first_ms,
        "last_event": row.last_ms,
        "raised_at": row.raised_at,
        "changed_at": row.changed_at,
    }


def _members(row: Alert) -> list[str]:
    return sorted(row.ring.get("members", ()))


class RingList(Endpoint):
    """The rings of a project."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_rings_list",
        parameters=[
            describe.PROJECT,
            OpenApiParameter("state", str, enum=STATES, description="Left out: open ones."),
            OpenApiParameter("order", str, enum=ORDERS, description="Left out: by score."),
            *describe.PAGING,
        ],
        responses={200: RingPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List rings, by score unless another order is asked for."""
        asked = {name: request.query_params.get(name, "") for name in ("state", "order")}
        filters = Filters.read({**{k: v for k, v in asked.items() if v}, "kind": "ring"})
        rows = alerts.listing(self.actor, self.project, filters)
        scheme = schemes.of(self.project.pk)
        shown, more = page(
            request, rows, ORDER_FIELDS[filters.order or "score"], lambda row: ring(row, scheme)
        )
        return answer(RingPage(rings=shown, next_cursor=more))


class RingEndpoint(Endpoint):
    """A view of one ring of the project."""

    ring: Alert

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.ring = alerts.find(self.actor, self.project, kwargs["ring_id"])
        if self.ring.kind != AlertKind.RING:
            raise NotVisible(
                _("There is no ring %(id)s that you can see.") % {"id": kwargs["ring_id"]}
            )


class OneRing(RingEndpoint):
    """One ring."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_rings_get",
        parameters=[describe.PROJECT],
        responses={200: RingDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, ring_id: int) -> Response:
        """Show a ring with evidence, ties and its first members."""
        return answer(ring_detail(self.ring, schemes.of(self.project.pk)))


class RingMembers(RingEndpoint):
    """Who belongs to a ring."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_rings_members",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: MemberPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, ring_id: int) -> Response:
        """List the members of a ring; the cursor is the last one shown."""
        members = _members(self.ring)
        after = request.query_params.get("cursor")
        if after is not None and (len(after) > 300 or "\x00" in after):
            raise Unusable(
                _("%(given)r is no cursor: take it from next_cursor.") % {"given": after[:40]},
                field="cursor",
            )
        rest = members if after is None else [one for one in members if one > after]
        limit = min(limit_of(request), MOST_MEMBERS)
        more = rest[limit - 1] if len(rest) > limit else None
        return answer(MemberPage(members=rest[:limit], next_cursor=more))
