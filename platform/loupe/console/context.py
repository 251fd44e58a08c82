"""What the frame around every page shows: projects, apps, running jobs, theme."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Avg, Count, Q, Sum
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor, projects
from loupe.contract.app import DomainApp
from loupe.datasets.models import IMPORT_OPEN, Import
from loupe.jobs.models import ItemState, Job, JobState
from loupe.plugins import registry as apps
from loupe.training.models import Run
from loupe.training.services import OPEN as OPEN_RUNS


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What runs in a project by itself, and how far it is together.

    Attributes:
        jobs, trainings, imports: how many wait or run.
        done, total: items of the jobs.
        trained: how far the trainings are on average, per cent.
        taken, files: of the imports' present phases.
    """

    jobs: int = 0
    done: int = 0
    total: int = 0
    trainings: int = 0
    trained: int = 0
    imports: int = 0
    taken: int = 0
    files: int = 0

    @property
    def running(self) -> int:
        """Everything together."""
        return self.jobs + self.trainings + self.imports

    @property
    def words(self) -> str:
        """A sentence of it, for those who do not see the bar."""
        said = []
        if self.jobs:
            said.append(
                ngettext("%(n)d job running", "%(n)d jobs running", self.jobs) % {"n": self.jobs}
            )
        if self.trainings:
            said.append(
                ngettext("%(n)d training running", "%(n)d trainings running", self.trainings)
                % {"n": self.trainings}
            )
        if self.imports:
            said.append(
                ngettext("%(n)d import running", "%(n)d imports running", self.imports)
                % {"n": self.imports}
            )
        return ", ".join(said) or _("No job is running")


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
    """Three queries, each over what is open only."""
    open_jobs = Job.objects.filter(project=project, state__in=[JobState.QUEUED, JobState.RUNNING])
    ended = Q(items__state__in=[ItemState.DONE, ItemState.FAILED, ItemState.CANCELLED])
    counts = open_jobs.aggregate(
        running=Count("pk", distinct=True),
        total=Count("items"),
        done=Count("items", filter=ended),
    )
    runs = Run.objects.filter(project=project, state__in=OPEN_RUNS).aggregate(
        count=Count("pk"), share=Avg("progress")
    )
    imports = Import.objects.filter(dataset__project=project, state__in=IMPORT_OPEN).aggregate(
        count=Count("pk"), done=Sum("done"), total=Sum("total")
    )
    return Activity(
        jobs=counts["running"],
        done=counts["done"],
        total=counts["total"],
        trainings=runs["count"],
        trained=round(100 * (runs["share"] or 0)),
        imports=imports["count"],
        taken=imports["done"] or 0,
        files=imports["total"] or 0,
    )


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
