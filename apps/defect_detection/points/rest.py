"""REST of operating points: the curve, a fit, a fit that decides, a rehearsal on past results."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.defect_detection.points import proposing, rehearsing, showing
from apps.defect_detection.points.evidence import APP, chosen, predictions_of
from apps.defect_detection.points.proposing import Proposal
from apps.defect_detection.points.shapes import (
    CurvesShape,
    FitAndSetOrder,
    FitOrder,
    FittedPointShape,
    RehearsalOrder,
    RehearsalShape,
    SetShape,
    curves_shape,
    proposal_fields,
    rehearsal_shape,
)
from loupe.contract.runtime.errors import InputRefused
from loupe.host.evaluations import Evaluation
from loupe.host.people import Action, NotVisible
from loupe.host.rest import VersionEndpoint, answer, describe, idempotent, ordered, parameter

_SCOPE = OpenApiParameter("scope", str, description="A product's key; left out: the rest.")
_EVALUATION = OpenApiParameter(
    "evaluation", int, description="An evaluation's id; left out: the newest one of what serves."
)
_LABEL = OpenApiParameter("class", str, description="Only this class; left out: all.")


class NotCertified(InputRefused):
    """A limit could not be certified, and only a certified point was to be set."""

    code = "not_certified"


class PointEndpoint(VersionEndpoint):
    """A view of one version of this app."""

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        if self.model.app != APP:
            raise NotVisible(f"Model {self.model.pk} is none of {APP}.")

    def evaluation(self, wanted: int | None) -> Evaluation:
        """The evaluation of that id, or the first usable one.

        Raises:
            NotVisible: there is none of that id.
            InputRefused: the version was never evaluated.
        """
        found = chosen(self.version, self.project, wanted)
        if found is None:
            raise InputRefused(
                f"{self.version} was never evaluated in this project, so nothing can be fitted. "
                "Evaluate it on a dataset version first.",
                code="not_evaluated",
            )
        return found

    def fit(self, order: FitOrder) -> Proposal:
        """The proposal that `order` asks for."""
        evaluation = self.evaluation(order.evaluation)
        row = proposing.current(self.version, self.project, order.scope)
        rules = order.rules or proposing.rules_of(row)
        return proposing.fitted(evaluation, rules, order.promise)


class Curve(PointEndpoint):
    """Escape and overkill against the threshold."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_operating_curve",
        parameters=[describe.PROJECT, _SCOPE, _EVALUATION, _LABEL],
        responses={200: CurvesShape, **describe.PROBLEMS},
    )
    def get(self, request: Request, model_id: int, number: int) -> Response:
        """Show both rates at each threshold, and what the present point does."""
        said = parameter(request, "evaluation")
        wanted = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
        if said and wanted is None:
            raise NotVisible(f"There is no evaluation {said!r}.")
        found = predictions_of(self.evaluation(wanted))
        label = parameter(request, "class")
        if label and label not in found.classes:
            raise InputRefused(
                f"There is no class {label!r}; the classes are: {', '.join(found.classes)}.",
                code="class_unknown",
            )
        row = proposing.current(self.version, self.project, parameter(request, "scope"))
        point = proposing.rules_of(row)
        return answer(
            curves_shape(
                proposing.curves(found, point, label),
                proposing.pair(found, point),
                proposing.rates(found, point),
                point,
                showing.certificate_of(row),
            )
        )


class Fit(PointEndpoint):
    """A point for a promise."""

    policy: ClassVar = {"POST": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_operating_fit",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=FitOrder,
        responses={200: FittedPointShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Find the point that keeps a promise, and say what is missing; nothing is set."""
        return answer(FittedPointShape(**proposal_fields(self.fit(ordered(request, FitOrder)))))


class FitAndSet(PointEndpoint):
    """A point for a promise, which decides from then on."""

    policy: ClassVar = {"POST": Action.MANAGE_MODELS}

    @extend_schema(
        operation_id="defect_detection_operating_fit_and_set",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=FitAndSetOrder,
        responses={201: SetShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Find the point that keeps a promise and let it decide, with its certificate."""
        order = ordered(request, FitAndSetOrder)
        proposal = self.fit(order)
        certificate = proposal.certificate
        if order.only_certified and certificate is not None and not certificate.holds:
            open_limits = "; ".join(
                showing.limit_words(one.limit) for one in certificate.found if not one.holds
            )
            raise NotCertified(
                f"Not certified: {open_limits}. Nothing was set. Ask for a fit to see how many "
                "parts are missing, or send only_certified=false."
            )
        row = proposing.set_fitted(
            self.actor, self.project, self.version, proposal, order.note, order.scope
        )
        fields = proposal_fields(proposal)
        return answer(SetShape(number=row.number, scope=row.scope, **fields), 201)


class Rehearse(PointEndpoint):
    """Past results, decided anew."""

    policy: ClassVar = {"POST": Action.VIEW}

    @extend_schema(
        operation_id="defect_detection_operating_rehearse",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=RehearsalOrder,
        responses={200: RehearsalShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, model_id: int, number: int) -> Response:
        """Say what a point would have done on past results; nothing is changed."""
        order = ordered(request, RehearsalOrder)
        row = proposing.current(self.version, self.project, order.scope)
        point = order.point or proposing.rules_of(row)
        found = rehearsing.rehearse(self.actor, self.project, self.version, point, order.scope)
        return answer(rehearsal_shape(found))
