"""Cases by REST."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.fraud.api import present
from apps.fraud.api.paging import page
from apps.fraud.api.shapes import (
    AlertsOrder,
    AssignOrder,
    CaseDetail,
    CaseOrder,
    CasePage,
    CaseShape,
    Disposition,
    NoteOrder,
)
from apps.fraud.models import Case
from apps.fraud.services import alerts, cases, people
from apps.fraud.services.cases import Filters
from loupe.host.people import Action
from loupe.host.rest import Endpoint, answer, describe, idempotent, ordered

FILTERS = (
    OpenApiParameter("state", str, enum=("open", "closed", "all"), description="Left out: open."),
    OpenApiParameter("mine", str, enum=("yes", "nobody"), description="One's own, or nobody's."),
    OpenApiParameter(
        "disposition", str, enum=("fraud", "honest", "unknown"), description="Only with this word."
    ),
    OpenApiParameter("q", str, description="The number, or the beginning of an identifier."),
)


class CaseList(Endpoint):
    """The cases of a project."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_list",
        parameters=[describe.PROJECT, *FILTERS, *describe.PAGING],
        responses={200: CasePage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List cases, those that changed last first."""
        filters = Filters.read(request.query_params.dict())
        rows = cases.listing(self.actor, self.project, filters)
        shown, more = page(request, rows, "changed_at", present.case)
        return answer(CasePage(cases=shown, next_cursor=more))

    @extend_schema(
        operation_id="fraud_cases_create",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=CaseOrder,
        responses={201: CaseShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Open a case about open alerts; it is theirs who open it, and nobody's if a key does."""
        order = ordered(request, CaseOrder)
        chosen = alerts.find_many(self.actor, self.project, order.alerts)
        made = cases.open_case(self.actor, self.project, chosen, order.title)
        location = reverse("fraud-api:case", args=[made.number])
        return answer(present.case(made), 201, {"Location": location})


class CaseEndpoint(Endpoint):
    """A view of one case of the project."""

    case: Case

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        super().locate(action, request, **kwargs)
        self.case = cases.find(self.actor, self.project, kwargs["number"])


class OneCase(CaseEndpoint):
    """One case."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="fraud_cases_get",
        parameters=[describe.PROJECT],
        responses={200: CaseDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, number: int) -> Response:
        """Show a case with its alerts and its history."""
        return answer(present.case_detail(self.case))


class CaseAlerts(CaseEndpoint):
    """What it is about."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_add_alerts",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=AlertsOrder,
        responses={200: CaseDetail, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Put more open alerts into an open case."""
        order = ordered(request, AlertsOrder)
        cases.add_alerts(
            self.actor, self.case, alerts.find_many(self.actor, self.project, order.alerts)
        )
        return answer(present.case_detail(self.case))


class AssignCase(CaseEndpoint):
    """Whose it is."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_assign",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=AssignOrder,
        responses={200: CaseShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Give an open case to a reviewer, or back to the inbox."""
        person = people.named_or_nobody(self.project, ordered(request, AssignOrder).assignee)
        return answer(present.case(cases.assign(self.actor, self.case, person)))


class ReopenCase(CaseEndpoint):
    """It goes on."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_reopen",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: CaseShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Take a closed case up again; its labels stand until another word is said."""
        return answer(present.case(cases.reopen(self.actor, self.case)))


class CaseNotes(CaseEndpoint):
    """What was noted."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_note",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=NoteOrder,
        responses={201: CaseDetail, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Write a note."""
        cases.note(self.actor, self.case, ordered(request, NoteOrder).text)
        return answer(present.case_detail(self.case), 201)


class CloseCase(CaseEndpoint):
    """What a case was."""

    policy: ClassVar = {"POST": Action.MANAGE_CASES}

    @extend_schema(
        operation_id="fraud_cases_close",
        parameters=[describe.PROJECT, describe.IDEMPOTENCY_KEY],
        request=Disposition,
        responses={200: CaseShape, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, number: int) -> Response:
        """Close a case and its alerts with a word; their transactions get that label, known now."""
        order = ordered(request, Disposition)
        return answer(
            present.case(cases.close(self.actor, self.case, order.disposition, order.note))
        )
