"""Results: pages of them, one of them, its input, and every format its app exports."""

import uuid
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, require
from loupe.api import describe, exporting, present
from loupe.api.answers import answer, flag, parameter
from loupe.api.endpoint import Endpoint, find
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
            return exporting.every(request, self.actor, self.project, app.slug, wanted, filters)
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


class ResultEndpoint(Endpoint):
    """A view of one result. Those of columns-form are numbered per app, so name it by `app`."""

    found: results.StoredResult

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        number = kwargs["result_id"]
        app = parameter(request, "app")
        if app and apps.get(app).result_form == "columns":
            if number >= 2**63:
                raise NotVisible(f"There is no result {number} that you can see.")
            self.found = results.view(self.actor, app, number)
            self.project = Project.objects.get(pk=self.found.project_id)
        else:
            row = find(Result.objects.select_related("project"), self.actor, number)
            self.project = row.project
            self.found = results.view(self.actor, row.app, row.pk)
        require(self.actor, action, self.project)


class OneResult(ResultEndpoint):
    """One result."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="results_get",
        parameters=[describe.APP_FILTER, _FORMAT],
        responses={
            (200, "application/json"): ResultShape,
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            **describe.PROBLEMS,
        },
    )
    def get(self, request: Request, result_id: int) -> Response | StreamingHttpResponse:
        """Show a result; with `format`, in that format (an annotated picture, for example)."""
        found = self.found
        wanted = parameter(request, "format")
        if not wanted:
            return answer(present.result(found))
        return exporting.one(request, self.actor, self.project, found, wanted)


class ResultInput(ResultEndpoint):
    """What a result is about."""

    policy: ClassVar = {"GET": Action.VIEW}

    @extend_schema(
        operation_id="results_input",
        parameters=[describe.APP_FILTER],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, **describe.PROBLEMS},
    )
    def get(self, request: Request, result_id: int) -> StreamingHttpResponse:
        """The input's bytes exactly as they were sent."""
        found = self.found
        if found.blob is None:
            raise NotVisible(f"Result {found.id} has no stored input: its rows came with the call.")
        with blobs.open_local(found.blob) as path:
            return streamed_file(
                request, path.open("rb"), found.blob.media_type, found.name, found.blob.size
            )
