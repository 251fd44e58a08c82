"""A project with an engineer, and a place for watched folders."""

import os
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """Blobs, spool and watched folders below a folder of the test's own; the watch root."""
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SPOOL = tmp_path / "spool"
    settings.MIN_FREE_BYTES = 0
    settings.WATCH_ROOT = watch = tmp_path / "watch"
    watch.mkdir()
    return watch


def drop(folder: Path, name: str, value: float, age_s: float = 60) -> Path:
    """A reading of the dummy app, last changed `age_s` seconds ago."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"value": {value}}}')
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


@pytest.fixture
def engineer(project: Project) -> Actor:
    user = User.objects.create_user("erik")
    Membership.objects.create(project=project, user=user, role=Role.ENGINEER)
    return Actor(user=user)
