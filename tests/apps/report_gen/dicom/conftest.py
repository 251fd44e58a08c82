"""A project with a clinical store, for what needs no process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, DicomPeer, Study
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
def peer(project: Project) -> DicomPeer:
    """A node where nobody listens."""
    return DicomPeer.objects.create(
        project=project, title="PACS", host="127.0.0.1", port=9, allowed=True
    )


@pytest.fixture
def study(project: Project, peer: DicomPeer) -> Study:
    """Sent by `peer`."""
    now = timezone.now()
    made = Study.objects.create(
        project=project, uid="2.25.1", channel="dicom", arrived_at=now, last_image_at=now
    )
    ClinicalObject.objects.create(
        project=project, study=made, sender=peer, sealed="0" * 32, sha256="1" * 64, bytes=1,
        received_at=now,
    )  # fmt: skip
    return made
