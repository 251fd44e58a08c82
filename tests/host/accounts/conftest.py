"""A project with one person in every role."""

import pytest
from django.contrib.auth.models import User

from loupe.accounts import keys
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


@pytest.fixture
def other_project(db: None) -> Project:
    return Project.objects.create(slug="line-4", name="Line 4")


@pytest.fixture
def people(project: Project) -> dict[Role, Actor]:
    """Actors by role."""
    actors = {}
    for role in Role:
        user = User.objects.create_user(f"{role.value}-person", password="of-the-line-3")
        Membership.objects.create(project=project, user=user, role=role)
        actors[role] = Actor(user=user)
    return actors


@pytest.fixture
def admin(people: dict[Role, Actor]) -> Actor:
    return people[Role.ADMIN]


@pytest.fixture(autouse=True)
def _no_remembered_keys() -> None:
    keys.forget_all()
