"""Jobs: how far they are, cancel, resume, retry, and what failed."""

import uuid
from typing import ClassVar

from django.db import models
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.policy import Action
from loupe.api import describe, events, present
from loupe.api.answers import answer, ordered, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.idempotency import idempotent
from loupe.api.paging import decode, encode, limit_of, newest_first
from loupe.api.shapes.work import (
    ItemPage,
    JobDetail,
    JobPage,
    RetryAnswer,
    RetryOrder,
)
from loupe.jobs import services
from loupe.jobs.models import ItemState, Job, JobState


class Jobs(Endpoint):
    """All jobs of a project."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="jobs_list",
        parameters=[
            describe.PROJECT,
            describe.APP_FILTER,
            OpenApiParameter("state", str, enum=JobState.values, description="Only jobs in it."),
            *describe.PAGING,
        ],
        responses={200: JobPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List jobs, newest first."""
        rows = present.jobs().filter(project=self.project)
        app = parameter(request, "app")
        state = parameter(request, "state", tuple(JobState.values))
        if app:
            rows = rows.filter(app=app)
        if state:
            rows = rows.filter(state=state)
        shown, cursor = newest_first(request, rows, present.job)
        return answer(JobPage(jobs=shown, next_cursor=cursor))


class JobEndpoint(RowEndpoint[Job]):
    """A view of one job."""

    key = "job_id"

    def rows(self) -> "models.QuerySet[Job]":
        return present.jobs()


class OneJob(JobEndpoint):
    """One job."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(operation_id="jobs_get", responses={200: JobDetail, **describe.PROBLEMS})
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        """Show a job and how far it is."""
        return answer(present.job_detail(self.row))


class CancelJob(JobEndpoint):
    """Stop a job."""

    policy: ClassVar = {"POST": Action.CANCEL}

    @extend_schema(
        operation_id="jobs_cancel",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={200: JobDetail, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        """Cancel a job; results that exist are kept."""
        services.cancel(self.actor, self.row)
        return answer(present.job_detail(self.rows().get(pk=self.row.pk)))


class ResumeJob(JobEndpoint):
    """Go on with a cancelled job."""

    # It starts work, as sending files does: a key that may only cancel may not.
    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="jobs_resume",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=None,
        responses={202: RetryAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        """Queue the cancelled items again; results and failures stay as they are.

        `409 nothing_to_do` when no item of the job was cancelled.
        """
        return answer(RetryAnswer(queued=services.resume(self.actor, self.row)), 202)


class RetryJob(JobEndpoint):
    """Try failed items again."""

    policy: ClassVar = {"POST": Action.SUBMIT}

    @extend_schema(
        operation_id="jobs_retry",
        parameters=[describe.IDEMPOTENCY_KEY],
        request=RetryOrder,
        responses={202: RetryAnswer, **describe.PROBLEMS},
    )
    @idempotent
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        """Queue failed items again: all, those with one of `codes`, or those in `items`."""
        order = ordered(request, RetryOrder)
        queued = services.retry_failed(
            self.actor,
            self.row,
            codes=order.codes,
            item_ids=[number for number in order.items if 0 <= number < 2**63],
        )
        return answer(RetryAnswer(queued=queued), 202)


class JobItems(JobEndpoint):
    """A job's items."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="jobs_items",
        parameters=[
            OpenApiParameter("state", str, enum=ItemState.values, description="Only items in it."),
            OpenApiParameter("error_code", str, description="Only items that failed with it."),
            *describe.PAGING,
        ],
        responses={200: ItemPage, **describe.PROBLEMS},
    )
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        """List a job's items in their order, with the errors of those that failed."""
        rows = self.row.items.select_related("input", "result").defer("result__data")
        state = parameter(request, "state", tuple(ItemState.values))
        code = parameter(request, "error_code")
        cursor = request.query_params.get("cursor")
        if state:
            rows = rows.filter(state=state)
        if code:
            rows = rows.filter(error_code=code)
        if cursor is not None:
            rows = rows.filter(pk__gt=decode(cursor, int))
        limit = limit_of(request)
        found = list(rows.order_by("pk")[: limit + 1])
        more = encode(found[limit - 1].pk) if len(found) > limit else None
        return answer(
            ItemPage(items=[present.item(row) for row in found[:limit]], next_cursor=more)
        )


class JobEvents(JobEndpoint):
    """A job's progress as it happens."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="jobs_events",
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                str,
                OpenApiParameter.HEADER,
                description="Sent by browsers that reconnect. Each event is the whole state, so "
                "nothing is missed.",
            )
        ],
        responses={(200, "text/event-stream"): str, **describe.PROBLEMS},
    )
    def get(self, request: Request, job_id: uuid.UUID) -> StreamingHttpResponse:
        """Stream `progress` events (see ProgressShape) until the job ends, then one `end`."""
        return events.stream(request, self.row)
