"""A plant with people, a model, a product, a station, and pictures that arrive."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.defect_detection.models import Part, Product, Station
from apps.defect_detection.services import products, recipes, stations
from apps.defect_detection.services.recipes import Draft
from loupe.accounts import keys
from loupe.accounts.models import Project, Role
from loupe.accounts.policy import SYSTEM
from loupe.jobs.models import Job
from loupe.registry.models import ModelVersion
from loupe.testing import factories
from loupe.testing.factories import Made

APP = "defect_detection"


def picture(name: str, *scores: float, **more: Any) -> Made:
    """A result of a 100 × 100 picture with one scratch a score, side by side."""
    boxes = [
        {"x1": 10.0 * i, "y1": 10, "x2": 10.0 * i + 8, "y2": 18, "label": "scratch", "score": score}
        for i, score in enumerate(scores)
    ]
    image = {"width": 100, "height": 100, "channels": 3, "bits": 8}
    data = {"image": image, "boxes": boxes, "file": name, **more}
    return Made(name=name, data=data)


@dataclass
class Plant:
    """One project; `send` is what the host does with pictures of a submission."""

    project: Project
    other: Project
    version: ModelVersion
    product: Product
    station: Station
    people: dict[str, User]

    def send(self, *pictures: Made, product: str = "bracket", **facts: str) -> Job:
        """Store results of one submission."""
        said = {key: value for key, value in {"product": product, **facts}.items() if value}
        return factories.job(self.project, APP, pictures, version=self.version, facts=said)

    def part(self, serial: str) -> Part:
        """The part of that serial."""
        return Part.objects.get(project=self.project, serial=serial)

    def recipe(self, **draft: Any) -> None:
        """Save the product's next recipe."""
        recipes.save(SYSTEM, self.product, Draft(**draft))
        self.product.refresh_from_db()

    def client(self, role: str = "admin") -> Client:
        """Signed in as the person of that role."""
        client = Client()
        client.force_login(self.people[role])
        return client

    def key(self, *scopes: str) -> dict[str, Any]:
        """Headers of a new key."""
        secret = keys.create(SYSTEM, self.project, "test", scopes, "never")[1]
        return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    def url(self, rest: str) -> str:
        """A page of the app in the project."""
        return f"/{APP}/p/{self.project.slug}/{rest}"

    def api(self, rest: str) -> str:
        """A REST address of the app."""
        return f"/api/v1/{APP}/{rest}"


@pytest.fixture
def plant(db: None) -> Plant:
    project = factories.project("plant", "Plant", "Asia/Shanghai")
    other = factories.project("other", "Other")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    people["stranger"] = factories.person("stranger", other)
    version = factories.model_version(None, APP)
    return Plant(
        project=project,
        other=other,
        version=version,
        product=products.create(SYSTEM, project, key="bracket", name="Bracket"),
        station=stations.create(SYSTEM, project, key="line-1", name="Line 1"),
        people=people,
    )


@pytest.fixture
def full(plant: Plant) -> Plant:
    """Parts of two lots: good ones, scratched ones, one escape, one overkill, one incomplete."""
    plant.recipe(views=["top", "bottom"], picture={"file_names": "{lot}_{serial}_{view}"})
    for number in range(6):
        serial = f"A{number}"
        scores = (0.9,) if number % 3 == 0 else ()
        plant.send(
            picture(f"L{number % 2}_{serial}_top.jpg", *scores),
            picture(f"L{number % 2}_{serial}_bottom.jpg"),
            station="line-1",
        )
    plant.send(picture("L9_B1_top.jpg"), station="line-1")
    return plant


Sender = Callable[..., Job]
