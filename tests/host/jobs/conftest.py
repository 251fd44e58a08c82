"""A project, a registered model and a private place for files; an engine for those who infer."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.engine.client import EngineClient
from loupe.intake.models import Channel
from loupe.intake.sources import Source
from loupe.jobs import services
from loupe.jobs.execution.bench import Bench
from loupe.jobs.models import Job
from loupe.registry import services as registry
from loupe.testing.engine import running_engine

Start = Callable[[dict[str, str]], Job]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model repository of the whole run: artefacts never change."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def place(tmp_path: Path, models: Path, settings: Settings) -> Path:
    """Blobs, spool, scratch and watched folders below a folder of the test's own."""
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.SPOOL = tmp_path / "spool"
    settings.SCRATCH = tmp_path / "scratch"
    settings.WATCH_ROOT = tmp_path / "watch"
    settings.MODEL_REPOSITORY = models
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


@pytest.fixture
def viewer(project: Project) -> Actor:
    user = User.objects.create_user("vera")
    Membership.objects.create(project=project, user=user, role=Role.VIEWER)
    return Actor(user=user)


@pytest.fixture
def start(place: Path, project: Project) -> Start:
    """Starts a dummy app's job over files given by name and text."""
    registry.register_shipped("dummy_app")

    def started(files: dict[str, str]) -> Job:
        sources = []
        for number, (name, text) in enumerate(files.items()):
            path = place / f"source-{number}"
            path.write_text(text)
            sources.append(Source(name=name, path=path))
        return services.submit(SYSTEM, project, "dummy_app", Channel.REST, sources, "a test")

    return started


@pytest.fixture(scope="session")
def engine(models: Path) -> Iterator[EngineClient]:
    """A real engine over the repository of this run."""
    with running_engine(models=models) as client:
        yield client


@pytest.fixture
def bench(engine: EngineClient, settings: Settings) -> Iterator[Bench]:
    """What a worker computes with."""
    settings.ENGINE_SOCKET = engine.socket
    made = Bench()
    yield made
    made.sandbox.close()


def readings(count: int) -> dict[str, str]:
    """Files for `start`: the numbers from 0."""
    return {f"{number:03d}.json": json.dumps({"value": number}) for number in range(count)}
