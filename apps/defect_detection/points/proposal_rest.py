"""REST of proposed operating points: what waits, fit again, accept, put aside."""

from datetime import datetime
from typing import ClassVar, Literal

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from apps.defect_detection.models import PointProposal, ProposalState
from apps.defect_detection.operating.certificate import Certificate
from apps.defect_detection.operating.limits import Promise
from apps.defect_detection.points import refitting
from apps.defect_detection.points.evidence import described, usable_evaluations
from apps.defect_detection.points.rest import PointEndpoint
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import Action, NotVisible
from loupe.host.rest import Paged, Shape, answer, describe, idempotent, newest_first, parameter

State = Literal["open", "accepted", "dismissed"]


class PointProposalShape(Shape):
    """A point that was fitted without being asked for. It decides nothing until it is accepted."""

    id: int
    state: State
    scope: str = Field(description="a product's key; empty: everything without a point of its own")
    artefact: str = Field(description="whose scores it was fitted from: onnx, int8, torch")
    serving: bool = Field(description="whether that artefact is what serves the version")
    evaluation: int
    dataset: str
    promise: Promise
    assumed: bool = Field(description="nobody has promised this yet")
    point: OperatingPoint | None = Field(description="empty: nothing could be fitted")
    certificate: Certificate | None
    error_code: str = Field(description="why nothing could be fitted; empty: something was")
    error: str
    created_at: datetime
    decided_by: str | None = Field(description="who accepted it or put it aside; a key: empty")
    decided_at: datetime | None


class ProposalsShape(Paged):
    """Proposals of one version, the newest first."""

    proposals: list[PointProposalShape]


class AcceptedShape(Shape):
    """The proposal that decides from now on, and the operating point it has become."""

    number: int
    scope: str
    proposal: PointProposalShape


class ProposalEndpoint(PointEndpoint):
    """A view of one proposal of the version in the address."""

    def proposal(self, proposal_id: int) -> PointProposal:
        """The proposal of that id.

        Raises:
            NotVisible: the version has none in this project.
        """
        found = proposals_of(self).filter(pk=proposal_id).first()
        if found is None:
            raise NotVisible(f"{self.version} has no proposal {proposal_id} in this project.")
        return found


class Proposals(PointEndpoint):
    """What was proposed for a version."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="defect_detection_operating_proposals_list",
        parameters=[
            describe.PROJECT,
            *describe.PAGING,
            OpenApiParameter(
                "state",
                enum=list(ProposalState.values),
                description="Only those; left out: those that wait for a person.",
            ),
        ],
        responses={200: ProposalsShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """Points that were fitted after the version's evaluations, one for each artefact and
        product; those that wait for a person unless another state is asked for."""
        rows = proposals_of(self).filter(state=_state(parameter(request, "state")))
        found, cursor = newest_first(request, rows, shape)
        return answer(ProposalsShape(proposals=found, next_cursor=cursor))

    @extend_schema(
        operation_id="defect_detection_operating_proposals_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: ProposalsShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Fit what is promised to every evaluation of the version again, as after an evaluation.
        Proposals somebody decided about stay; those that wait are made anew."""
        for evaluation in usable_evaluations(self.version, self.project):
            refitting.propose(evaluation)
        rows = proposals_of(self).filter(state=ProposalState.OPEN)
        return answer(ProposalsShape(proposals=[shape(row) for row in rows.order_by("-pk")]))


class Accept(ProposalEndpoint):
    """Let a proposal decide."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="defect_detection_operating_proposals_accept",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={201: AcceptedShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int, proposal_id: int) -> Response:
        """Let the proposed point decide from now on, with its certificate. Refused with
        ``proposal_over`` where somebody decided already, nothing could be fitted or the version's
        rules have changed since."""
        proposal = self.proposal(proposal_id)
        made = refitting.accept(self.actor, proposal)
        now = shape(self.proposal(proposal_id))
        return answer(AcceptedShape(number=made.number, scope=made.scope, proposal=now), 201)


class Dismiss(ProposalEndpoint):
    """Put a proposal aside."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="defect_detection_operating_proposals_dismiss",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: PointProposalShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int, proposal_id: int) -> Response:
        """Put the proposal aside; proposing again does not bring it back."""
        proposal = self.proposal(proposal_id)
        refitting.dismiss(self.actor, proposal)
        return answer(shape(self.proposal(proposal_id)))


def proposals_of(view: PointEndpoint) -> "QuerySet[PointProposal]":
    """Every proposal of the view's version in its project."""
    rows = PointProposal.objects.filter(project=view.project, model_version=view.version)
    return rows.select_related("evaluation__dataset_version__dataset", "decided_by")


def _state(said: str) -> State:
    match said:
        case "" | "open":
            return "open"
        case "accepted" | "dismissed":
            return said
    raise InputRefused(
        f"state={said[:40]!r}: proposals are open, accepted or dismissed. Leave it out for those "
        "that wait.",
        code="state_unknown",
    )


def shape(row: PointProposal) -> PointProposalShape:
    """A stored proposal."""
    return PointProposalShape(
        id=row.pk,
        state=_state(row.state),
        scope=row.scope,
        artefact=row.evaluation.artefact,
        serving=row.evaluation.serving,
        evaluation=row.evaluation_id,
        dataset=described(row.evaluation),
        promise=Promise.model_validate(row.promise),
        assumed=row.promised_by_id is None,
        point=OperatingPoint.model_validate(row.point) if row.point else None,
        certificate=Certificate.model_validate(row.certificate) if row.certificate else None,
        error_code=row.error_code,
        error=row.error,
        created_at=row.created_at,
        decided_by=row.decided_by.get_username() if row.decided_by else None,
        decided_at=row.decided_at,
    )
