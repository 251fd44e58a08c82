"""A study in a project with a clinical store of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from apps.report_gen.clinical import installed
from apps.report_gen.models import Study
from loupe.accounts.models import Project
from loupe.testing import factories


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """Everything clinical lies below a folder of the test's own."""
    settings.VAR = tmp_path / "var"
    settings.MIN_FREE_BYTES = 0
    installed.forget()
    yield settings.VAR
    installed.forget()


@pytest.fixture
def project(db: None, place: Path) -> Project:
    return factories.project("chest", "Chest")


@pytest.fixture
def study(project: Project) -> Study:
    now = timezone.now()
    return Study.objects.create(
        project=project, uid="2.25.1", channel="dicom", arrived_at=now, last_image_at=now
    )
