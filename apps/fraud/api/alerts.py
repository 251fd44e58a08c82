"""The alert queue by REST."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.fraud.api import present
from apps.fraud.api.explanation_shapes import (
    ExplanationList,
    ExplanationOrder,
    ExplanationShape,
    explanation,
)
from apps.fraud.api.paging import page
from apps.fraud.api.shapes import AlertDetail, AlertPage, AlertShape, AssignOrder, Disposition
from apps.fraud.models import Alert
from apps.fraud.schema import OUTCOMES
from apps.fraud.services import alerts, explanations, people
from apps.fraud.services.alerts import ORDERS, STATES, Filters
from apps.fraud.views.alerts import ORDER_FIELDS
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered

FILTERS = (
    OpenApiParameter("state", str, enum=STATES, description="Left out: those that are open."),
    OpenApiParameter("kind", str, enum=("transaction", "ring"), description="Only of this kind."),
    OpenApiParameter("outcome", str, enum=OUTCOMES, description="Only with this outcome."),
    OpenApiParameter("mine", str, enum=("yes", "nobody"), description="One's own, or nobody's."),
    OpenApiParameter("label", str, description="Only with this leading reason."),
    OpenApiParameter("q", str, description="Only on identifiers that begin with this."),
    OpenApiParameter("order", str, enum=ORDERS, description="Left out: by score."),
)


class AlertList(Endpoint):
    """The alerts of a project."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_alerts_list",
        parameters=[describe.PROJECT, *FILTERS, *describe.PAGING],
        responses={200: AlertPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List alerts, by score unless another order is asked for."""
        filters = Filters.read(request.query_params.dict())
        rows = alerts.listing(self.actor, self.project, filters)
        shown, more = page(request, rows, ORDER_FIELDS[filters.order or "score"], present.alert)
        return answer(AlertPage(alerts=shown, next_cursor=more))


class AlertEndpoint(Endpoint):
    """A view of one alert of the project."""

    alert: Alert

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.alert = alerts.find(self.actor, self.project, kwargs["alert_id"])


class OneAlert(AlertEndpoint):
    """One alert."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_alerts_get",
        parameters=[describe.PROJECT],
        responses={200: AlertDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, alert_id: int) -> Response:
        """Show an alert with its transactions."""
        return answer(present.alert_detail(self.alert))


class Explanations(AlertEndpoint):
    """Why transactions of an alert scored as they did."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_alerts_explanations_list",
        parameters=[describe.PROJECT],
        responses={200: ExplanationList, **describe.PROBLEMS},
    )
    def get(self, request: Request, alert_id: int) -> Response:
        """Show what was explained of an alert, newest first: exact shares, LIME with R² and
        agreement, and the neighbours who carried the score."""
        rows = explanations.of_alert(self.actor, self.alert)
        return answer(ExplanationList(explanations=[explanation(row) for row in rows]))

    @extend_schema(
        operation_id="fraud_alerts_explanations_ask",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=ExplanationOrder,
        responses={202: ExplanationShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        """Have a worker explain one of its transactions; what is explained already stays."""
        order = ordered(request, ExplanationOrder)
        made = explanations.ask(self.actor, self.alert, order.transaction)
        location = reverse("fraud-api:alert-explanations", args=[self.alert.pk])
        return answer(explanation(made), 202, {"Location": location})


class AssignAlert(AlertEndpoint):
    """Whose an alert is."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_alerts_assign",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=AssignOrder,
        responses={200: AlertShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        """Give an alert to a reviewer, or to nobody."""
        person = people.named_or_nobody(self.project, ordered(request, AssignOrder).assignee)
        alerts.assign(self.actor, self.project, [self.alert], person)
        return answer(present.alert(alerts.find(self.actor, self.project, alert_id)))


class ReopenAlert(AlertEndpoint):
    """It goes on."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_alerts_reopen",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: AlertShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        """Take a closed alert up again; its labels stand until another word is said."""
        alerts.reopen(self.actor, self.alert)
        return answer(present.alert(alerts.find(self.actor, self.project, alert_id)))


class CloseAlert(AlertEndpoint):
    """What an alert was."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_alerts_close",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=Disposition,
        responses={200: AlertShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, alert_id: int) -> Response:
        """Close an alert with a word. Its transactions get that label, known now."""
        order = ordered(request, Disposition)
        alerts.close(self.actor, self.project, [self.alert], order.disposition, order.note)
        return answer(present.alert(alerts.find(self.actor, self.project, alert_id)))
