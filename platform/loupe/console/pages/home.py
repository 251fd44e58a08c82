"""Where people arrive: their projects, and in a project what needs them."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from loupe.accounts.policy import Action, Actor, projects
from loupe.console.context import activity as count_activity
from loupe.console.pages.frame import PageRequest, project_page
from loupe.contract.app import DomainApp
from loupe.contract.extras import Waits
from loupe.contract.outcomes import Tone
from loupe.contract.runtime.steps import load
from loupe.intake.models import Channel
from loupe.jobs.models import Job, JobState, Result
from loupe.jobs.progress import progress
from loupe.plugins import registry as apps
from loupe.registry.models import PromotionRequest

COUNTED = 1001  # a count stops here, so that it costs the same with a million rows
RECENT = 8  # jobs shown
NEWEST = 500  # jobs looked through for them


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What of one app waits for a person."""

    app: type[DomainApp]
    outcome: str
    count: int
    newest: list[Result]


@login_required
@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """The only project at once; else a choice."""
    found = list(projects(Actor.of(request.user)).order_by("name")[:200])
    if len(found) == 1:
        return HttpResponseRedirect(reverse("console:home", args=[found[0].slug]))
    return render(request, "console/projects.html", {"projects": found})


@require_GET
@project_page(section="home")
def home(request: PageRequest) -> HttpResponse:
    """What needs a decision, what runs, what came last."""
    running = list(
        Job.objects.filter(
            project=request.project, state__in=[JobState.QUEUED, JobState.RUNNING]
        ).select_related("submission")[:5]
    )
    return render(
        request,
        "console/home.html",
        {
            "promotions": _promotions(request),
            "waiting": [w for app in apps.installed() for w in _waiting(request, app)],
            "waits": [told for app in apps.installed() for told in _waits(request, app)],
            "running": [(job, progress(job)) for job in running],
            "recent": _recent(request),
        },
    )


def _recent(request: PageRequest) -> list[Job]:
    """The newest jobs. Calls that a line or a bank makes every second are left out while there is
    anything else among the newest, or they would be all there is to see."""
    jobs = Job.objects.filter(project=request.project).order_by("-created_at")
    newest = jobs.values("pk")[:NEWEST]
    told = jobs.select_related("submission")
    chosen = told.filter(pk__in=newest).exclude(submission__channel=Channel.SYNC)[:RECENT]
    return list(chosen) or list(told[:RECENT])


def _promotions(request: PageRequest) -> list[PromotionRequest]:
    """What this person may agree to: wishes of others, the oldest first."""
    if Action.MANAGE_MODELS.value not in request.allowed:
        return []
    rows = PromotionRequest.objects.filter(
        version__model__project=request.project, state=PromotionRequest.State.WAITING
    )
    others = rows.exclude(requested_by=request.actor.user)
    return list(others.select_related("version__model", "requested_by").order_by("pk")[:5])


def _waits(request: PageRequest, app: type[DomainApp]) -> list[tuple[type[DomainApp], Waits]]:
    """What the app itself says that waits."""
    if app.pages.waiting is None:
        return []
    return [(app, one) for one in load(app.pages.waiting)(request.actor, request.project)]


def _waiting(request: PageRequest, app: type[DomainApp]) -> list[Waiting]:
    found = []
    for outcome in app.outcomes:
        if outcome.tone is not Tone.UNSURE:
            continue
        rows = Result.objects.filter(
            project=request.project, app=app.slug, outcome=outcome.key, reviewed=False
        ).order_by("-id")
        count = rows[:COUNTED].count()
        if count:
            newest = list(rows.select_related("item__input")[:6])
            found.append(Waiting(app=app, outcome=outcome.key, count=count, newest=newest))
    return found


@require_GET
@project_page()
def activity(request: PageRequest) -> HttpResponse:
    """The bar's little counter of running work, asked for again and again."""
    counted = count_activity(request.project)
    return render(request, "console/parts/activity.html", {"activity": counted})
