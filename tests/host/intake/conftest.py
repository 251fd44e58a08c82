"""A project, people and a private place for files."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """Blobs, spool and watched folders below a folder of the test's own."""
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SPOOL = tmp_path / "spool"
    settings.WATCH_ROOT = tmp_path / "watch"
    settings.MIN_FREE_BYTES = 0
    return tmp_path


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


@pytest.fixture
def operator(project: Project) -> Actor:
    user = User.objects.create_user("olga")
    Membership.objects.create(project=project, user=user, role=Role.OPERATOR)
    return Actor(user=user)
