"""Thresholds by REST: proposals with their certificates, which one decides, the control group."""

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.fraud.api.paging import page
from apps.fraud.api.policy_shapes import (
    ControlOrder,
    FitPage,
    FitShape,
    ProposalOrder,
    ProposalPage,
    ProposalShape,
    UsedShape,
    UseOrder,
)
from apps.fraud.models import ThresholdFit, ThresholdRun
from apps.fraud.services import fittings, thresholds
from apps.fraud.thresholds.asked import Asked, BudgetCertificate
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
        responses={202: FitShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Have thresholds fitted on the labelled results; a worker does it, and what it proposes
        decides once it is used."""
        order = ordered(request, ProposalOrder)
        made = fittings.begin(self.actor, self.project, order.asked, silent=order.silent)
        location = reverse("fraud-api:thresholds-fit", args=[made.pk])
        return answer(_fit(made), 202, {"Location": location})


class Fits(Endpoint):
    """Thresholds being fitted, and what came of them."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_thresholds_fits_list",
        parameters=[describe.PROJECT, *describe.PAGING],
        responses={200: FitPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List fits, newest first."""
        rows = fittings.listing(self.actor, self.project)
        shown, more = page(request, rows, "created_at", _fit)
        return answer(FitPage(fits=shown, next_cursor=more))


class FitEndpoint(Endpoint):
    """A view of one fit of the project."""

    row: ThresholdRun

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.row = fittings.find(self.actor, self.project, kwargs["run_id"])


class OneFit(FitEndpoint):
    """One fit."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_thresholds_fits_get",
        parameters=[describe.PROJECT],
        responses={200: FitShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, run_id: uuid.UUID) -> Response:
        """Show a fit: how far it is, its proposal, or how many legitimate rows are missing."""
        return answer(_fit(self.row))


class CancelFit(FitEndpoint):
    """The end of a fit."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="fraud_thresholds_fits_cancel",
        parameters=[describe.PROJECT],
        request=None,
        responses={200: FitShape, **describe.PROBLEMS},
    )
    def post(self, request: Request, run_id: uuid.UUID) -> Response:
        """Stop a fit."""
        return answer(_fit(fittings.cancel(self.actor, self.row)))


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
        certificate=BudgetCertificate.model_validate(row.certificate),
        who=row.who,
        created_at=row.created_at,
        used_as=row.used_as,
    )


def _fit(row: ThresholdRun) -> FitShape:
    return FitShape(
        id=row.pk,
        state=row.state,
        model=str(row.version),
        asked=Asked.model_validate(row.asked),
        silent=row.silent,
        blocks=len(row.blocks or ()),
        blocks_done=row.done,
        rows=row.rows,
        honest=row.honest,
        fraud=row.fraud,
        missing=row.missing,
        proposal=_shape(row.proposal) if row.proposal else None,
        error_code=row.error_code,
        error=row.error,
        who=row.who,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
