"""A result of the dummy app in a project with reviewers."""

import itertools
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.intake.models import Channel, Submission
from loupe.jobs.models import Decision, Item, ItemState, Job, JobState, Provenance, Result

PASSWORD = "of-the-line-3"
MakeResult = Callable[..., Result]
MakePerson = Callable[..., Actor]


@pytest.fixture(autouse=True)
def _no_earlier_failures() -> None:
    cache.clear()


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


@pytest.fixture
def make_person(project: Project) -> MakePerson:
    def make(name: str, role: Role = Role.REVIEWER, where: Project | None = None) -> Actor:
        user = User.objects.create_user(name, password=PASSWORD, first_name=name.title())
        Membership.objects.create(project=where or project, user=user, role=role)
        return Actor(user=user)

    return make


@pytest.fixture
def anna(make_person: MakePerson) -> Actor:
    return make_person("anna")


@pytest.fixture
def make_result(project: Project) -> MakeResult:
    positions = itertools.count()

    def make(where: Project | None = None, outcome: str = "high") -> Result:
        home = where or project
        submission = Submission.objects.create(
            project=home, app="dummy_app", channel=Channel.WEB, name="night"
        )
        provenance = Provenance.objects.create(app="dummy_app", loupe_version="0")
        job = Job.objects.create(
            project=home,
            submission=submission,
            app="dummy_app",
            provenance=provenance,
            state=JobState.DONE,
        )
        item = Item.objects.create(job=job, position=next(positions), state=ItemState.DONE)
        result = Result.objects.create(
            item=item,
            project=home,
            job=job,
            app="dummy_app",
            provenance=provenance,
            data={"schema_version": 1, "value": 12.5, "scaled": 25.0},
            times_ms={"queue": 1.0},
            outcome=outcome,
            score=25.0,
            created_at=timezone.now(),
        )
        Decision.objects.create(result=result, outcome=outcome, score=25.0)
        return result

    return make


@pytest.fixture
def result(make_result: MakeResult) -> Result:
    return make_result()
