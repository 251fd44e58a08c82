"""A first start has something to look at: a project, people, and sample inputs on their way.

Switched off by ``LOUPE_DEMO=0``. Passwords are random, made once, and kept in ``demo.json`` of the
variable folder, readable by its owner alone.
"""

import json
import secrets
import uuid
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from kombu.exceptions import OperationalError

from loupe.accounts import projects
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.contract.app import DomainApp
from loupe.contract.runtime.steps import Place, load
from loupe.intake.models import Channel, Submission
from loupe.intake.sources import Source
from loupe.jobs import handing
from loupe.jobs import services as jobs
from loupe.jobs.models import Job
from loupe.plugins import registry

SLUG = "demo"
NAME = "demo"
AFTER_SAMPLES = "loupe.supervisor.after_samples"
LOOK_S = 3
COLLEAGUES = (Role.VIEWER, Role.OPERATOR, Role.REVIEWER, Role.ENGINEER)


@dataclass(frozen=True)
class Login:
    """Who can sign in to the demo project.

    Attributes:
        password: the one made at the first start; None once that person has another.
    """

    username: str
    password: str | None


def _file() -> Path:
    return Path(settings.VAR) / "demo.json"


def login() -> Login | None:
    """The demo login, if this installation has one; its password only while it still works."""
    if not _file().exists():
        return None
    made = Login(**json.loads(_file().read_text(encoding="utf-8")))
    person = User.objects.filter(username=made.username, is_active=True).first()
    if person is None:
        return None
    works = made.password is not None and person.check_password(made.password)
    return made if works else replace(made, password=None)


def prepare() -> None:
    """Make the project and its people, once, in an installation that has neither."""
    if not settings.DEMO or Project.objects.exists() or User.objects.exists():
        return
    password = secrets.token_urlsafe(9)
    _file().touch(mode=0o600)
    _file().write_text(json.dumps({"username": NAME, "password": password}), encoding="utf-8")
    with transaction.atomic():
        project = projects.create(SYSTEM, SLUG, "Demo line")
        first = User.objects.create_superuser(NAME, password=password)
        Membership.objects.create(project=project, user=first, role=Role.ADMIN)
        for role in COLLEAGUES:
            person = User.objects.create_user(f"{NAME}-{role.value}", password=password)
            Membership.objects.create(project=project, user=person, role=role)


def send_samples() -> list[str]:
    """Submit every app's sample inputs to the demo project, once; the names of those apps."""
    project = Project.objects.filter(slug=SLUG).first()
    person = User.objects.filter(username=NAME).first()
    if not settings.DEMO or project is None or person is None:
        return []
    sent = []
    for app in registry.installed():
        files = samples(app)
        known = Submission.objects.filter(project=project, app=app.slug).exists()
        if not files or known or app.steps[0].place is Place.ENGINE:
            continue
        if app.needs_model and not app.shipped_models:
            continue  # there is nothing yet that could look at them
        if app.receive is not None:
            _hand_over(project, person, app.slug, files)
            sent.append(app.slug)
            continue
        job = jobs.submit(
            Actor(user=person),
            project,
            app.slug,
            Channel.COMMAND,
            [Source(name=file.name, path=file) for file in files],
            name="Samples",
        )
        if app.after_samples is not None:
            _wake(job.pk)
        sent.append(app.slug)
    return sent


def after_samples(job_id: uuid.UUID) -> bool:
    """Let the app add to its samples once their job has ended; False while it has not."""
    job = Job.objects.select_related("project").get(pk=job_id)
    if job.ended_at is None:
        return False
    named = registry.get(job.app).after_samples
    person = User.objects.filter(username=NAME).first()
    if named is not None and person is not None:
        load(named)(Actor(user=person), job.project)
    return True


def _wake(job_id: uuid.UUID) -> None:
    try:
        current_app.send_task(AFTER_SAMPLES, args=[str(job_id)], countdown=LOOK_S)
    except (OperationalError, OSError):
        return  # the samples are there all the same


def _hand_over(project: Project, person: User, app: str, files: list[Path]) -> None:
    """Once: a marker below the variable folder says that it was done."""
    marker = _file().with_name(f"demo-{app}.sent")
    if marker.exists():
        return
    handing.hand_over(
        Actor(user=person), project, app, Channel.COMMAND,
        [Source(name=file.name, path=file) for file in files], "Samples",
    )  # fmt: skip
    marker.touch()


def samples(app: type[DomainApp]) -> list[Path]:
    """The app's sample files; they lie below its package."""
    spec = find_spec(app.__module__.rpartition(".")[0])
    if app.samples is None or spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / app.samples
    return sorted(file for file in folder.rglob("*") if file.is_file())
