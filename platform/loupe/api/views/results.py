"""Results: pages of them, one of them, its input, and every format its app exports."""

import uuid
from collections.abc import Iterator
from typing import ClassVar

from django.db import models
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, require
from loupe.api import describe, exporting, present
from loupe.api.answers import answer, flag, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.paging import decode, encode, limit_of
from loupe.api.problems import refuse_field
from loupe.api.shapes.results import ResultPage, ResultShape
from loupe.api.streaming import streamed_file
from loupe.blobs import services as blobs
from loupe.jobs import results
from loupe.jobs.models import Result
from loupe.plugins import registry as apps

_FORMAT = OpenApiParameter(
    "format", str, description="An export of the app, see /apps; left out: JSON as described here."
)


def filters_of(request: Request) -> results.Filters:
    """Which results the query parameters ask for.

    Raises:
        RequestRefused: one of them is not understood.
    """
    job = parameter(request, "job")
    try:
        job_id = uuid.UUID(job) if job else None
    except ValueError as error:
        raise refuse_field("job", f"job={job!r} is not a job's id.") from error
    return results.Filters(
        outcome=parameter(request, "outcome"),
        label=parameter(request, "label"),
        reviewed=flag(request, "reviewed"),
        job_id=job_id,
    )


class Results(Endpoint):
    """Results of one app."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="results_list",
        parameters=[
            describe.PROJECT,
            describe.APP,
            OpenApiParameter("job", OpenApiTypes.UUID, description="Only those of this job."),
            OpenApiParameter("outcome", str, description="Only those with this outcome."),
            OpenApiParameter("label", str, description="Only those led by this class."),
            OpenApiParameter("reviewed", bool, description="Only those with or without a review."),
            _FORMAT,
            *describe.PAGING,
        ],
        responses={
            (200, "application/json"): ResultPage,
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            **describe.PROBLEMS,
        },
    )
    def get(self, request: Request) -> Response | StreamingHttpResponse:
        """List results, newest first; with `format`, stream all that match in that format."""
        app = apps.get(parameter(request, "app"))
        filters = filters_of(request)
        wanted = parameter(request, "format")
        if wanted:
            require(self.actor, Action.EXPORT, self.project)
            every = results.views(self.actor, self.project, app.slug, filters)
            return exporting.exported(request, app, wanted, every)
        cursor = request.query_params.get("cursor")
        after = decode(cursor, int) if cursor is not None else None
        page = results.page(
            self.actor,
            self.project,
            app.slug,
            filters,
            after_id=after if isinstance(after, int) else None,
            limit=limit_of(request),
        )
        more = encode(page.next_after_id) if page.next_after_id is not None else None
        shown = [present.result(found) for found in page.results]
        return answer(ResultPage(results=shown, next_cursor=more))


class ResultEndpoint(RowEndpoint[Result]):
    """A view of one result."""

    key = "result_id"

    def rows(self) -> "models.QuerySet[Result]":
        return Result.objects.select_related("project")

    def stored(self) -> results.StoredResult:
        """The result with everything that belongs to it."""
        return results.view(self.actor, self.row.app, self.row.pk)


class OneResult(ResultEndpoint):
    """One result."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="results_get",
        parameters=[_FORMAT],
        responses={
            (200, "application/json"): ResultShape,
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            **describe.PROBLEMS,
        },
    )
    def get(self, request: Request, result_id: int) -> Response | StreamingHttpResponse:
        """Show a result; with `format`, in that format (an annotated picture, for example)."""
        found = self.stored()
        wanted = parameter(request, "format")
        if not wanted:
            return answer(present.result(found))
        require(self.actor, Action.EXPORT, self.project)
        only: Iterator[results.StoredResult] = iter([found])
        return exporting.exported(request, apps.get(found.app), wanted, only, one=found)


class ResultInput(ResultEndpoint):
    """What a result is about."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="results_input",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **describe.PROBLEMS},
    )
    def get(self, request: Request, result_id: int) -> StreamingHttpResponse:
        """The input's bytes exactly as they were sent."""
        found = self.stored()
        if found.blob is None:
            raise NotVisible(f"Result {found.id} has no stored input: its rows came with the call.")
        with blobs.open_local(found.blob) as path:
            return streamed_file(
                request, path.open("rb"), found.blob.media_type, found.name, found.blob.size
            )
