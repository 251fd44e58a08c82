"""Thresholds by REST: proposals with their certificates, which one decides, the control group."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.fraud.api.paging import page
from apps.fraud.api.policy_shapes import (
    ControlOrder,
    ProposalOrder,
    ProposalPage,
    ProposalShape,
    UsedShape,
    UseOrder,
)
from apps.fraud.models import ThresholdFit
from apps.fraud.services import thresholds
from apps.fraud.thresholds.asked import Certificate
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered


class Thresholds(Endpoint):
    """Proposals of thresholds."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_thresholds_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: ProposalPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the proposals, newest first."""
        rows = thresholds.proposals(self.actor, self.project)
        shown, more = page(request, rows, "id", _shape)
        return answer(ProposalPage(proposals=shown, next_cursor=more))

    @extend_schema(
        operation_id="fraud_thresholds_propose",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ProposalOrder,
        responses={201: ProposalShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Fit thresholds on the labelled results; they decide once they are used."""
        order = ordered(request, ProposalOrder)
        made = thresholds.propose(self.actor, self.project, order.asked, silent=order.silent)
        return answer(_shape(made), 201)


class UseThresholds(Endpoint):
    """Let a proposal decide."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_thresholds_use",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=UseOrder,
        responses={200: UsedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Make a proposal part of the next operating point."""
        order = ordered(request, UseOrder)
        made = thresholds.use(self.actor, self.project, number, order.note)
        return answer(UsedShape(operating_point=made.number))


class ControlGroup(Endpoint):
    """The control group."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_control_group_set",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ControlOrder,
        responses={200: UsedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Let a share of what the score blocks through by lot, up to an amount; 0 ends it."""
        order = ordered(request, ControlOrder)
        made = thresholds.set_control(self.actor, self.project, order.share, order.cap)
        return answer(UsedShape(operating_point=made.number))


def _shape(row: ThresholdFit) -> ProposalShape:
    return ProposalShape(
        id=row.pk,
        model=str(row.model_version),
        rows=row.rows,
        bands=row.bands,
        certificate=Certificate.model_validate(row.certificate),
        who=row.who,
        created_at=row.created_at,
        used_as=row.used_as,
    )
