"""Projects, people, keys and one row of every kind the API has addresses for."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from loupe.accounts import keys
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import SCOPES, SYSTEM
from loupe.api import limits
from loupe.blobs import services as blobs
from loupe.changes.services import publish
from loupe.datasets import services as datasets
from loupe.datasets.models import Dataset, Import, ImportProblem, Record
from loupe.delivery.models import Delivery, Webhook
from loupe.intake.models import Channel
from loupe.jobs import services as jobs
from loupe.jobs.models import Decision, Item, ItemState, Job, JobState, Result
from loupe.registry import services as registry
from loupe.registry.models import Model
from loupe.schedules import services as schedules
from loupe.schedules.models import Schedule, ScheduleRun
from loupe.schedules.timing import Timing
from loupe.sources.models import HttpSource
from loupe.testing import trainings
from loupe.training.models import Run, RunState
from loupe.uploads import services as uploads
from tests.host.api.files import reading


@dataclass
class World:
    """One project with one of everything; `ids` are the arguments its addresses take."""

    project: Project
    job: Job
    result: Result
    model: Model
    schedule: Schedule
    webhook: Webhook
    delivery: Delivery
    ids: dict[str, object] = field(default_factory=dict)

    def key(self, *scopes: str) -> str:
        """A new key of the project; no scopes: all of them."""
        return keys.create(SYSTEM, self.project, "test", scopes or SCOPES, "never")[1]

    def person(self, role: Role) -> User:
        """A new member."""
        name = f"{self.project.slug}-{role.value}"
        user, made = User.objects.get_or_create(username=name)
        if made:
            Membership.objects.create(project=self.project, user=user, role=role)
        return user


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Nobody starts a test with calls on the counter."""
    limits.set_rate(10_000)
    yield
    limits.set_rate(10_000)


@pytest.fixture
def make_world(db: None, tmp_path: Path) -> Callable[[str], World]:
    """Makes projects that have one of everything."""
    registry.register_shipped("dummy_app")

    def make(slug: str) -> World:
        project = Project.objects.create(slug=slug, name=slug)
        sources = [reading(tmp_path, f"{slug}-1.json", 7), reading(tmp_path, f"{slug}-2.json", 8)]
        job = jobs.submit(SYSTEM, project, "dummy_app", Channel.REST, sources, slug)
        result = _finished(job.items.order_by("position")[0])
        Item.objects.filter(job=job, position=1).update(
            state=ItemState.FAILED,
            error_code="made_up",
            error="It failed.",
            ended_at=timezone.now(),
        )
        Job.objects.filter(pk=job.pk).update(state=JobState.DONE, ended_at=timezone.now())
        model = _own_model(project)
        timing = Timing(cron="0 2 * * *")
        schedule = schedules.create(SYSTEM, project, "dummy_app", "nightly", slug, timing)
        ScheduleRun.objects.create(schedule=schedule, state="done", started_at=timezone.now())
        webhook = Webhook.objects.create(project=project, url="https://example.com/x", secret="s")
        change = publish(project, "job.done", job.pk, {})
        delivery = Delivery.objects.create(
            webhook=webhook,
            change=change,
            next_attempt_at=timezone.now(),
            give_up_at=timezone.now(),
        )
        world = World(project, job, result, model, schedule, webhook, delivery)
        dataset, record, imported = _dataset(project)
        world.ids = {
            "dataset_id": dataset.pk,
            "record_id": record.pk,
            "import_id": imported.pk,
            "submission_id": job.submission_id,
            "job_id": job.pk,
            "result_id": result.pk,
            "model_id": model.pk,
            "number": 1,
            "schedule_id": schedule.pk,
            "webhook_id": webhook.pk,
            "delivery_id": delivery.pk,
            "source_id": HttpSource.objects.create(
                project=project,
                app="dummy_app",
                name=slug,
                url="http://127.0.0.1:9/",
                next_at=timezone.now(),
            ).pk,
            "training_id": _training(project).pk,
            "upload_id": uploads.create(SYSTEM, project, length=4, name=slug).pk,
        }
        return world

    return make


@pytest.fixture
def world(make_world: Callable[[str], World]) -> World:
    return make_world("mine")


@pytest.fixture
def other_world(make_world: Callable[[str], World]) -> World:
    return make_world("theirs")


@pytest.fixture
def call(client: Client) -> Callable[..., object]:
    """``call(key, method, path, json body)``; the key goes into the header."""

    def made(key: str, method: str, path: str, body: object = None, **headers: str) -> object:
        content = None if body is None else json.dumps(body)
        extra: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Api-Key {key}", **headers}
        return client.generic(method, path, content or "", content_type="application/json", **extra)

    return made


def _training(project: Project) -> Run:
    """A training that was cancelled."""
    data = trainings.dataset_version(project, "dummy_app", "of-trainings")
    return trainings.run(data, state=RunState.CANCELLED, model_name="own")


def _finished(item: Item) -> Result:
    """The item done, with a result."""
    Item.objects.filter(pk=item.pk).update(state=ItemState.DONE, ended_at=timezone.now())
    job = item.job
    result = Result.objects.create(
        item=item,
        project=job.project,
        job=job,
        app=job.app,
        provenance=job.provenance,
        data={"schema_version": 1, "value": 7.0, "scaled": 14.0},
        times_ms={"queue": 1.0},
        outcome="middle",
        score=14.0,
        created_at=timezone.now(),
    )
    Decision.objects.create(result=result, outcome="middle", score=14.0, reasons=[])
    return result


def _dataset(project: Project) -> tuple[Dataset, Record, Import]:
    """A dataset with one labelled record, a version and an import that has ended."""
    dataset = datasets.create(SYSTEM, project, "dummy_app", "readings")
    record = Record.objects.create(
        dataset=dataset,
        blob=blobs.store_bytes(b'{"value": 1.0}', "application/json"),
        name="a.json",
    )
    datasets.save_labels(SYSTEM, record, {"scaled": 2.0})
    datasets.make_version(SYSTEM, dataset)
    imported = Import.objects.create(dataset=dataset, name="set.zip", state="done")
    ImportProblem.objects.create(
        imported=imported, file="b.json", code="file_missing", reason="It is missing.", fatal=True
    )
    return dataset, record, imported


def _own_model(project: Project) -> Model:
    """A model of the project's own with one candidate version."""
    shared = Model.objects.get(app="dummy_app", project=None)
    version = shared.versions.get()
    model = Model.objects.create(app="dummy_app", project=project, name="own")
    candidate = model.versions.create(
        number=1, manifest=version.manifest, artefact_sha256=version.artefact_sha256
    )
    candidate.operating_points.create(project=None, number=1, data={})
    return model
