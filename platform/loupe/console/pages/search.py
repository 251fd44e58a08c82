"""The bar's search: files and jobs by name, and what apps know by an identifier."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET

from loupe.console.pages.frame import PageRequest, project_page
from loupe.contract.app import DomainApp
from loupe.contract.extras import Found
from loupe.contract.runtime.steps import load
from loupe.jobs import name_search
from loupe.jobs.models import Job, Result
from loupe.plugins import registry as apps

LONGEST = 256
MOST_FILES, MOST_JOBS = 30, 10


@require_GET
@project_page(section="search")
def search(request: PageRequest) -> HttpResponse:
    """What was typed, found; where it names one thing only, that thing's page."""
    asked = request.GET.get("q", "").strip()[:LONGEST]
    found: list[Result] = []
    jobs: list[Job] = []
    known: list[tuple[type[DomainApp], list[Found]]] = []
    if asked:
        rows = Result.objects.filter(project=request.project).select_related("item__input")
        found = list(name_search.narrowed(rows, asked)[:MOST_FILES])
        named = Job.objects.filter(project=request.project, submission__name__icontains=asked)
        jobs = list(named.select_related("submission").order_by("-created_at")[:MOST_JOBS])
        known = [(app, told) for app in apps.installed() if (told := _of(request, app, asked))]
    meant = [one for _app, told in known for one in told if one.exact]
    if len(meant) == 1 and not found and not jobs:
        return HttpResponseRedirect(meant[0].url)
    return render(
        request,
        "console/search.html",
        {"asked": asked, "results": found, "jobs": jobs, "known": known},
    )


def _of(request: PageRequest, app: type[DomainApp], asked: str) -> list[Found]:
    """What an app knows by that name."""
    if app.pages.search is None:
        return []
    return list(load(app.pages.search)(request.actor, request.project, asked))
