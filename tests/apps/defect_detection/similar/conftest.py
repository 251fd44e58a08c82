"""A project with results, people who confirm them, and an engine whose eye is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.defect_detection.similar import keeping
from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SCOPES, SYSTEM
from loupe.blobs.models import Blob
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.jobs.models import Result
from loupe.registry.models import ModelVersion
from loupe.review.services import give
from loupe.testing import factories

APP = "defect_detection"


def data(*boxes: tuple[float, str]) -> dict[str, Any]:
    """A result with boxes: what they look like to the known eye, and their class."""
    return {
        "image": {"width": 640, "height": 480, "channels": 3, "bits": 8},
        "boxes": [
            {"x1": look, "y1": 10, "x2": look + 30, "y2": 40, "label": label, "score": 0.9 - n / 9}
            for n, (look, label) in enumerate(boxes)
        ],
    }


@dataclass
class Line:
    """What the tests walk through. `seen` lists the results the engine was asked to look at."""

    project: Project
    version: ModelVersion
    people: dict[str, User]
    seen: list[int] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    def results(self, *made: dict[str, Any], project: Project | None = None) -> list[Result]:
        """New results, one for each."""
        where = project or self.project
        blob, _ = Blob.objects.get_or_create(
            sha256="c" * 64,
            defaults={"size": 1, "media_type": "image/png", "last_stored_at": "2026-01-01T00:00Z"},
        )
        job = factories.job(
            where, APP,
            [factories.Made(name=f"{n}.png", data=each, blob=blob) for n, each in enumerate(made)],
            version=self.version,
        )  # fmt: skip
        return list(Result.objects.filter(job=job).order_by("pk"))

    def confirm(self, result: Result, verb: str = "confirm", **more: Any) -> None:
        """Somebody says something of a result."""
        give(factories.actor(self.people["reviewer"]), result, verb, **more)

    def client(self, role: str = "reviewer") -> Client:
        """Signed in as the person of that role."""
        client = Client()
        client.force_login(self.people[role])
        return client

    def key(self, *scopes: str) -> str:
        """A new API key; no scopes: all."""
        return keys.create(SYSTEM, self.project, "test", scopes or SCOPES, "never")[1]


@pytest.fixture
def line(db: None, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Its engine sees an angle, the left edge of a place in degrees."""
    project = factories.project("line-1", "Line 1")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    other = factories.project("line-2", "Line 2")
    people["stranger"] = factories.person("stranger", other)
    version = factories.model_version(None, APP)
    made = Line(project=project, version=version, people=people)

    def look(
        result: Result, version: ModelVersion, parameters: Mapping[str, JsonValue], deadline: float
    ) -> Payload:
        if result.pk in made.gone:
            raise InputRefused("The picture is gone.", code="input_gone")
        made.seen.append(result.pk)
        places: Any = parameters["embed"]
        angles = np.radians([place[0] for place in places])
        vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        return Payload(arrays={"vectors": vectors}, meta={})

    monkeypatch.setattr(keeping, "look_again", look)
    return made
