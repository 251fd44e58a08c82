"""A project with an evaluated model, people of every role, and past results."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SCOPES, SYSTEM
from loupe.api import limits
from loupe.registry.models import ModelVersion
from loupe.testing import factories
from loupe.training.models import Evaluation
from tests.apps.defect_detection.operating.made import line

APP = "defect_detection"


@dataclass
class Works:
    """What the tests of operating points walk through."""

    project: Project
    version: ModelVersion
    folder: Path
    people: dict[str, User] = field(default_factory=dict)

    def client(self, role: str = "engineer") -> Client:
        """Signed in as the person of that role."""
        client = Client()
        client.force_login(self.people[role])
        return client

    def key(self, *scopes: str) -> str:
        """A new API key; no scopes: all."""
        return keys.create(SYSTEM, self.project, "test", scopes or SCOPES, "never")[1]

    def page(self, rest: str = "") -> str:
        """An address of the operating point's page."""
        return self.page_of(self.project, rest)

    def page_of(self, project: Project, rest: str = "") -> str:
        """The same in a project."""
        version = self.version
        return f"/{APP}/p/{project.slug}/models/{version.model_id}/{version.number}/point/{rest}"

    def api(self, rest: str) -> str:
        """An address of REST about the version."""
        return f"/api/v1/{APP}/models/{self.version.model_id}/versions/{self.version.number}/{rest}"

    def evaluate(
        self, lines: list[str], artefact: str = "onnx", serving: bool = True
    ) -> Evaluation:
        """An evaluation with those predictions."""
        return factories.evaluation(self.version, self.project, lines, artefact, serving=serving)


def many(bad: int = 240, good: int = 240, seed: int = 0) -> list[str]:
    """Predictions of a good detector."""
    random = np.random.default_rng(seed)
    lines = [
        line(f"bad-{n}", [label], [(label, round(random.beta(9, 2), 4))])
        for n, label in ((n, ("pit", "scratch")[n % 2]) for n in range(bad))
    ]
    return lines + [
        line(f"good-{n}", [], [(("pit", "scratch")[n % 2], round(random.beta(2, 9), 4))])
        for n in range(good)
    ]


def result(score: float, label: str = "pit", side: float = 30) -> dict[str, Any]:
    """One picture's result as stored, with one find."""
    box = {"x1": 10, "y1": 10, "x2": 10 + side, "y2": 20, "label": label, "score": score}
    return {
        "image": {"width": 640, "height": 480, "channels": 3, "bits": 8},
        "boxes": [{**box, "severity": "major"}],
    }


@pytest.fixture
def works(db: None, tmp_path: Path, settings: Settings) -> Works:
    settings.VAR = tmp_path / "var"
    project = factories.project("line-1", "Line 1")
    version = factories.model_version(project, APP, "boards")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    people["stranger"] = factories.person("stranger", factories.project("line-2", "Line 2"))
    return Works(project=project, version=version, folder=tmp_path, people=people)


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Nobody starts a test with calls on the counter."""
    limits.set_rate(10_000)
    yield
    limits.set_rate(10_000)
