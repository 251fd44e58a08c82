"""A dataset with five readings, people of every role, and another project's dataset."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loupe.accounts.models import Project, Role
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.datasets import services as datasets
from loupe.datasets.models import Dataset, Record
from loupe.testing import factories

APP = "dummy_app"
SIZES = {"sizes": ["any", "large"]}


def target(scaled: float, size: str = "any") -> dict[str, Any]:
    """Labels of the dummy app."""
    return {"schema_version": 1, "scaled": scaled, "size": size}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the tests label."""

    project: Project
    dataset: Dataset
    records: list[Record]
    foreign: Record
    people: dict[str, User]

    def actor(self, role: str = "reviewer") -> Actor:
        return Actor(user=self.people[role])

    def client(self, role: str = "reviewer") -> Client:
        client = Client()
        client.force_login(self.people[role])
        return client

    def url(self, index: int | None = 0, rest: str = "", record: Record | None = None) -> str:
        """An address of the annotation page."""
        start = f"/p/{self.project.slug}/datasets/{self.dataset.pk}/label/"
        if index is None:
            return start
        return f"{start}{(record or self.records[index]).pk}/{rest}"

    def post(self, client: Client, index: int, rest: str, said: object) -> Any:
        return client.post(self.url(index, rest), json.dumps(said), content_type="application/json")

    def save(self, client: Client, index: int, labels: object, seen: int, **more: object) -> Any:
        said = {"labels": labels, "expected_revision": seen, **more}
        return self.post(client, index, "save", said)


def readings(dataset: Dataset, count: int) -> list[Record]:
    """Records that hold one number each."""
    return [
        Record.objects.create(
            dataset=dataset,
            blob=blobs.store_bytes(json.dumps({"value": index + 0.5}).encode(), "application/json"),
            name=f"part-{dataset.records.count()}.json",
            group=f"lot-{index // 2}",
        )
        for index in range(count)
    ]


@pytest.fixture
def bench(db: None) -> Bench:
    project, other = factories.project("line-1"), factories.project("line-2")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    people["second"] = factories.person("second", project, Role.REVIEWER)
    people["stranger"] = factories.person("stranger", other, Role.ADMIN)
    admin = Actor(user=people["admin"])
    dataset = datasets.create(admin, project, APP, "parts", about=SIZES)
    elsewhere = datasets.create(Actor(user=people["stranger"]), other, APP, "secret", about=SIZES)
    return Bench(
        project=project,
        dataset=dataset,
        records=readings(dataset, 5),
        foreign=readings(elsewhere, 1)[0],
        people=people,
    )
