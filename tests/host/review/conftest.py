"""A result of the dummy app in a project with reviewers."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor
from loupe.jobs.models import Result
from tests.host.review.stored import stored_result

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
    def make(where: Project | None = None, outcome: str = "high") -> Result:
        return stored_result(where or project, outcome)

    return make


@pytest.fixture
def result(make_result: MakeResult) -> Result:
    return make_result()
