"""The rows of a file that could not be used: why, and as a file."""

import uuid
from itertools import islice

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.fraud.app import App
from apps.fraud.services import bad_rows
from loupe.host import jobs
from loupe.host.pages import PageRequest, project_page
from loupe.host.people import Action

SHOWN = 500


@require_GET
@project_page(section="jobs")
def page(request: PageRequest, app: str, job_id: uuid.UUID) -> HttpResponse:
    """What was wrong in a job, by reason and row by row."""
    return render(
        request,
        "fraud/bad_rows.html",
        {
            "domain": App,
            "job": jobs.find(request.actor, request.project, App.slug, job_id),
            "summary": bad_rows.summary(request.actor, request.project, job_id),
            "rows": list(islice(bad_rows.listed(request.project, job_id), SHOWN)),
        },
    )


@require_GET
@project_page(section="jobs")
def seen_before(request: PageRequest, app: str, job_id: uuid.UUID) -> HttpResponse:
    """How many of a job's transactions were there before; asked for until somebody has looked."""
    job = jobs.find(request.actor, request.project, App.slug, job_id)
    return render(request, "fraud/seen_before.html", {"job": job})


@require_GET
@project_page(Action.EXPORT)
def download(request: PageRequest, app: str, job_id: uuid.UUID) -> StreamingHttpResponse:
    """The listed rows as CSV."""
    lines = bad_rows.write_csv(request.actor, request.project, job_id)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="bad-rows-{job_id}.csv"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
