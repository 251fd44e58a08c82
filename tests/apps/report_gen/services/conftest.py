"""A project whose studies come in: a private place for files, a clinical store, a model's row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from apps.report_gen.clinical import installed
from loupe.accounts.models import Project, Role
from loupe.testing import factories


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Everything that is written lies below a folder of the test's own."""
    var = tmp_path / "var"
    var.mkdir()
    settings.VAR = var
    settings.STORAGE_URL = f"file://{var / 'blobs'}"
    settings.SPOOL = var / "spool"
    settings.SCRATCH = var / "scratch"
    settings.UPLOADS = var / "uploads"
    settings.WATCH_ROOT = tmp_path / "watch"
    settings.MIN_FREE_BYTES = 0
    installed.forget()
    yield var
    installed.forget()


@pytest.fixture
def project(db: None, place: Path) -> Project:
    made = factories.project("chest", "Chest")
    factories.model_version(None, "report_gen", "chest", classes=())
    return made


@pytest.fixture
def olga(project: Project) -> User:
    """Somebody who may submit."""
    return factories.person("olga", project, Role.OPERATOR)
