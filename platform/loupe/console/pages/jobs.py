"""Jobs: the list, and the live page of one."""

import uuid

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from loupe.accounts.errors import NotVisible
from loupe.accounts.policy import Action, visible
from loupe.console.pages.frame import PageRequest, project_page, say, say_refused
from loupe.console.progress_bar import pieces
from loupe.contract.runtime.errors import LoupeError
from loupe.jobs import services as jobs
from loupe.jobs.models import Item, ItemState, Job, JobState, Result
from loupe.jobs.progress import progress
from loupe.plugins import registry as apps

PAGE = 50
OPEN = [JobState.QUEUED, JobState.RUNNING]


@require_GET
@project_page(section="jobs")
def listing(request: PageRequest) -> HttpResponse:
    """Jobs, newest first; their ids sort by time, so they are also the page key."""
    rows = visible(Job.objects.filter(project=request.project), request.actor)
    rows = rows.select_related(
        "submission__sent_by_user", "submission__sent_by_key", "provenance__model_version__model"
    ).order_by("-id")
    state, app, after = (request.GET.get(key, "") for key in ("state", "app", "after"))
    if state == "open":
        rows = rows.filter(state__in=OPEN)
    elif state in JobState.values:
        rows = rows.filter(state=state)
    if app:
        rows = rows.filter(app=app)
    if (start := _uuid(after)) is not None:
        rows = rows.filter(pk__lt=start)
    found = list(rows[: PAGE + 1])
    return render(
        request,
        "console/jobs.html",
        {
            "jobs": found[:PAGE],
            "next": found[PAGE - 1].pk if len(found) > PAGE else None,
            "state": state,
            "states": [
                ("open", _("Open")),
                (JobState.DONE.value, JobState.DONE.label),
                (JobState.CANCELLED.value, JobState.CANCELLED.label),
            ],
        },
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _find(request: PageRequest, job_id: uuid.UUID) -> Job:
    job = jobs.find(request.actor, job_id)
    if job.project_id != request.project.pk:
        raise NotVisible(f"There is no job {job_id} that you can see.")
    return job


def _facts(request: PageRequest, job: Job) -> dict[str, object]:
    """What the live part of a job's page shows: always from the database, never remembered."""
    now = progress(job)
    newest = Result.objects.filter(job=job).select_related("item__input").order_by("-id")[:12]
    failed = Item.objects.filter(job=job, state=ItemState.FAILED).select_related("input")
    return {
        "job": job,
        "now": now,
        "pieces": pieces(now),
        "newest": newest,
        "failed": failed.order_by("position")[:50] if now.failed else [],
        # What was refused as it came in has no bytes to try again.
        "retriable": set(
            failed.filter(input__blob__isnull=False)
            .order_by()
            .values_list("error_code", flat=True)
            .distinct()
        )
        if now.failed and now.ended
        else set(),
        "domain": apps.get(job.app),
    }


@require_GET
@project_page(section="jobs")
def page(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """The live page of a job."""
    job = _find(request, job_id)
    return render(request, "console/job.html", _facts(request, job))


@require_GET
@project_page(section="jobs")
def live(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """The part of the page that changes; the page asks again until the job has ended."""
    job = _find(request, job_id)
    return render(request, "console/parts/job_live.html", _facts(request, job))


@require_POST
@project_page(Action.CANCEL)
def cancel(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """Stop a job; what it has found stays."""
    job = _find(request, job_id)
    try:
        jobs.cancel(request.actor, job)
        say(request, _("Cancelled. The results stored so far are kept."))
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:job", args=[request.project.slug, job.pk]))


@require_POST
@project_page(Action.SUBMIT)
def resume(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """Go on with a cancelled job where it stopped."""
    job = _find(request, job_id)
    try:
        count = jobs.resume(request.actor, job)
        on = ngettext("Resumed: %(n)d file waits.", "Resumed: %(n)d files wait.", count)
        say(request, on % {"n": count})
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:job", args=[request.project.slug, job.pk]))


@require_POST
@project_page(Action.SUBMIT)
def retry(request: PageRequest, job_id: uuid.UUID) -> HttpResponse:
    """Try failed items again: all of them, or those that failed for one reason."""
    job = _find(request, job_id)
    try:
        count = jobs.retry_failed(request.actor, job, codes=request.POST.getlist("code"))
        again = ngettext("%(n)d file is tried again.", "%(n)d files are tried again.", count)
        say(request, again % {"n": count})
    except LoupeError as error:
        say_refused(request, error)
    return HttpResponseRedirect(reverse("console:job", args=[request.project.slug, job.pk]))
