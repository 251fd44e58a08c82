"""Sending files in, and looking at what was sent."""

import uuid
from functools import partial
from typing import ClassVar

from django.db import models
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from loupe.accounts.policy import Action
from loupe.api import describe, present
from loupe.api.answers import answer, parameter
from loupe.api.endpoint import Endpoint, RowEndpoint
from loupe.api.facts import FACTS, facts_said
from loupe.api.idempotency import LastStep, idempotent_last_step
from loupe.api.paging import newest_first
from loupe.api.shapes.handed import HandedShape, NotTakenShape
from loupe.api.shapes.work import JobDetail, SubmissionDetail, SubmissionPage
from loupe.api.uploads import RawBody, app_named, discarding, named, sources, uploads_named
from loupe.contract.receiving import Received
from loupe.intake.models import Channel, Submission
from loupe.jobs import handing
from loupe.jobs import services as jobs
from loupe.uploads import services as resumable

_SHOWN_INPUTS = 1000


class Submissions(Endpoint):
    """Deliveries of files."""

    policy: ClassVar = {"GET": Action.VIEW, "POST": Action.SUBMIT}
    parser_classes = (MultiPartParser, RawBody)

    @extend_schema(
        operation_id="submissions_list",
        parameters=[describe.PROJECT, describe.APP_FILTER, *describe.PAGING],
        responses={200: SubmissionPage, **describe.PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List submissions, newest first."""
        rows = present.submissions().filter(project=self.project)
        app = parameter(request, "app")
        if app:
            rows = rows.filter(app=app)
        shown, cursor = newest_first(request, rows, present.submission)
        return answer(SubmissionPage(submissions=shown, next_cursor=cursor))

    @extend_schema(
        operation_id="submissions_create",
        parameters=[
            describe.PROJECT,
            describe.APP_HERE_OR_IN_FORM,
            describe.MODEL,
            describe.NAME,
            describe.FILENAME,
            describe.UPLOAD,
            FACTS,
            describe.IDEMPOTENCY_KEY,
        ],
        request=describe.files(
            app=describe.APP, model=describe.MODEL, name=describe.NAME, facts=FACTS
        ),
        responses={202: JobDetail, 200: HandedShape, **describe.PROBLEMS},
    )
    @idempotent_last_step
    def post(self, request: Request) -> LastStep:
        """Send one or more files, or an archive of them; a job inspects them.

        `app`, `model`, `name` and the app's facts are query parameters, or fields of the form.
        Answers `202` with the job, whose address is in `Location`. Files that came in parts before
        (see `/uploads`) are named by `upload`, beside files in the request or instead of them.
        Files that cannot be used become failed items of the job; when none can be used the whole
        request is refused.

        Some apps keep what is sent themselves. They answer `200` with where it is followed; such
        files never become submissions of the host.
        """
        waiting = uploads_named(request)
        with (
            resumable.using(self.actor, self.project, waiting) as held,
            discarding(sources(request, held)) as found,
        ):
            app = app_named(request)
            said = facts_said(app, request._request.GET)
            if isinstance(request.data, QueryDict):
                said = facts_said(app, request.data, said)
            if handing.takes_over(app.slug):
                received = handing.hand_over(
                    self.actor,
                    self.project,
                    app.slug,
                    Channel.REST,
                    found,
                    named(request, "name"),
                    named(request, "model") or None,
                    said,
                )
                resumable.handed_over(waiting)
                return partial(_handed, app.slug, received)
            submission, version = jobs.receive(
                self.actor,
                self.project,
                app.slug,
                Channel.REST,
                found,
                named(request, "name"),
                named(request, "model") or None,
                said,
            )

        def start() -> Response:
            job = jobs.start(self.actor, submission, version)
            resumable.submitted(waiting, submission)
            location = reverse("api:job", args=[job.pk])
            row = present.jobs().get(pk=job.pk)
            return answer(present.job_detail(row), 202, {"Location": location})

        return start


def _handed(app: str, received: Received) -> Response:
    """The answer on files that an app took over. It is kept for repeats, so it names no file."""
    headers = {"Location": received.api_url} if received.api_url else {}
    body = HandedShape(
        app=app,
        reference=received.reference,
        url=received.url,
        api_url=received.api_url,
        taken=received.taken,
        not_taken=[
            NotTakenShape(file=each.position, code=each.code, message=each.message)
            for each in received.not_taken
        ],
    )
    return answer(body, 200, headers)


class OneSubmission(RowEndpoint[Submission]):
    """One delivery."""

    policy: ClassVar = {"GET": Action.VIEW}
    key = "submission_id"

    def rows(self) -> "models.QuerySet[Submission]":
        return present.submissions()

    @extend_schema(
        operation_id="submissions_get",
        responses={200: SubmissionDetail, **describe.PROBLEMS},
    )
    def get(self, request: Request, submission_id: uuid.UUID) -> Response:
        """Show a submission with its files."""
        inputs = self.row.inputs.select_related("blob").order_by("pk")
        shown = [present.received(row) for row in inputs[:_SHOWN_INPUTS]]
        return answer(
            SubmissionDetail(
                **present.submission_fields(self.row),
                inputs=shown,
                inputs_total=inputs.count(),
            )
        )
