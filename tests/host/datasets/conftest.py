"""A project with people, a private place for files, and datasets of the dummy app."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.datasets import services
from loupe.datasets.models import Dataset
from loupe.intake.sources import Source
from loupe.testing import factories

APP = "dummy_app"
Line = dict[str, object]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, settings: Settings) -> Path:
    """Blobs, spool and scratch below a folder of the test's own."""
    settings.VAR = tmp_path / "var"
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SPOOL = tmp_path / "spool"
    settings.SCRATCH = tmp_path / "scratch"
    settings.MIN_FREE_BYTES = 0
    (tmp_path / "var").mkdir()
    return tmp_path


@pytest.fixture
def project(db: None) -> Project:
    return factories.project("line-3", "Line 3")


@pytest.fixture
def people(project: Project) -> dict[str, User]:
    return {role.value: factories.person(role.value, project, role) for role in Role}


@pytest.fixture
def engineer(people: dict[str, User]) -> Actor:
    return Actor(user=people["engineer"])


@pytest.fixture
def reviewer(people: dict[str, User]) -> Actor:
    return Actor(user=people["reviewer"])


@pytest.fixture
def dataset(engineer: Actor, project: Project) -> Dataset:
    return services.create(
        engineer, project, APP, "readings", about={"sizes": ["any", "small", "large"]}
    )


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Source]:
    """Makes a zip of readings: one file and one line of labels for each."""

    def made(
        lines: list[Line], name: str = "set.zip", extra: dict[str, bytes] | None = None
    ) -> Source:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for line in lines:
                value = line.pop("value")
                if value is not None:
                    out.writestr(str(line["file"]), json.dumps({"value": value}))
            out.writestr("readings.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
            for entry, data in (extra or {}).items():
                out.writestr(entry, data)
        return Source(name=name, path=path)

    return made


def reading(number: int, **more: object) -> Line:
    """A line about a reading of its own value, labelled as twice of it."""
    value = 10.0 * number
    return {"file": f"{number}.json", "value": value, "scaled": 2 * value, **more}
