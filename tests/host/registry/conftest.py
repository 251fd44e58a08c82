"""A project with an engineer, and a private place for artefacts."""

from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from safetensors.numpy import save_file

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Actor

APP = "dummy_app"


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """The model repository and the spool below a folder of the test's own."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SPOOL = tmp_path / "spool"
    settings.MIN_FREE_BYTES = 0
    return tmp_path


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="line-3", name="Line 3")


def member(project: Project, name: str, role: Role) -> Actor:
    user = User.objects.create_user(name)
    Membership.objects.create(project=project, user=user, role=role)
    return Actor(user=user)


@pytest.fixture
def engineer(project: Project) -> Actor:
    return member(project, "erin", Role.ENGINEER)


@pytest.fixture
def operator(project: Project) -> Actor:
    return member(project, "olga", Role.OPERATOR)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """What the dummy app takes for a model: one factor."""
    path = tmp_path / "factor.safetensors"
    save_file({"factor": np.array([3.0], dtype=np.float32)}, path)
    return path
