"""What the frame around every page shows: projects, apps, running jobs, theme."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor, projects
from loupe.contract.app import DomainApp
from loupe.jobs.models import ItemState, Job, JobState
from loupe.plugins import registry as apps


@dataclass(frozen=True, kw_only=True)
class Activity:
    """The open jobs of a project: how many, and how far together."""

    running: int
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Everything the bar is drawn from. `allowed` names the actions the person may take."""

    projects: list[Project]
    project: Project | None
    apps: tuple[type[DomainApp], ...]
    app: type[DomainApp] | None
    section: str
    role: str
    allowed: frozenset[str]
    activity: Activity | None


def activity(project: Project) -> Activity:
    """One query over the project's open jobs."""
    open_jobs = Job.objects.filter(project=project, state__in=[JobState.QUEUED, JobState.RUNNING])
    ended = Q(items__state__in=[ItemState.DONE, ItemState.FAILED, ItemState.CANCELLED])
    counts = open_jobs.aggregate(
        running=Count("pk", distinct=True),
        total=Count("items"),
        done=Count("items", filter=ended),
    )
    return Activity(running=counts["running"], done=counts["done"], total=counts["total"])


def _frame(request: HttpRequest) -> Frame:
    match = request.resolver_match
    named = match.kwargs.get("app", "") if match else ""
    app = next((app for app in apps.installed() if app.slug == named), None)
    section = getattr(request, "section", "")
    project: Project | None = getattr(request, "project", None)
    if not isinstance(request.user, User):
        return Frame(
            projects=[],
            project=None,
            apps=(),
            app=None,
            section="",
            role="",
            allowed=frozenset(),
            activity=None,
        )
    actor = Actor.of(request.user)
    role = ""
    allowed: frozenset[str] = frozenset()
    if project is not None:
        member = Membership.objects.filter(project=project, user=request.user).first()
        role = str(Role(member.role).label) if member else ""
        allowed = getattr(request, "allowed", frozenset())
    return Frame(
        projects=list(projects(actor).order_by("name")[:50]),
        project=project,
        apps=apps.installed(),
        app=app,
        section=section,
        role=role,
        allowed=allowed,
        activity=activity(project) if project is not None else None,
    )


def frame(request: HttpRequest) -> dict[str, object]:
    """The context processor; asks the database only where a page shows the frame."""
    return {"frame": SimpleLazyObject(lambda: _frame(request))}
