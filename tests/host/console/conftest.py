"""A project with people of every role, and another project nobody of them belongs to."""

from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loupe.accounts.models import Project, Role
from loupe.blobs.models import Blob
from loupe.jobs.models import Job, Result
from loupe.testing import factories

APP = "dummy_app"


@dataclass(frozen=True, kw_only=True)
class House:
    """What the pages' tests walk through."""

    project: Project
    other: Project
    people: dict[str, User]
    job: Job
    result: Result
    foreign: Result

    def client(self, role: str = "admin", **headers: str) -> Client:
        """Signed in as the person of that role."""
        client = Client(headers=headers)
        client.force_login(self.people[role])
        return client

    def url(self, rest: str = "") -> str:
        """An address inside the project."""
        return f"/p/{self.project.slug}/{rest}"

    def app(self, rest: str = "") -> str:
        """An address of the app inside the project."""
        return self.url(f"apps/{APP}/{rest}")


def reading(name: str, value: float) -> factories.Made:
    """A result of the dummy app."""
    data = {"value": value, "scaled": 2 * value}
    return factories.Made(name=name, data=data)


@pytest.fixture
def house(db: None) -> House:
    project = factories.project("line-1", "Line 1", "Europe/Berlin")
    other = factories.project("line-2", "Line 2")
    people = {role.value: factories.person(role.value, project, role) for role in Role}
    people["stranger"] = factories.person("stranger", other)
    made = [reading(f"part-{index}.json", index * 3.0) for index in range(12)]
    blob = Blob.objects.create(sha256="a" * 64, size=9, media_type="application/json")
    broken = factories.Made(
        name="broken.json", blob=blob, error_code="damaged", error="It is damaged."
    )
    made.append(broken)
    refused = factories.Made(name="page.svg", error_code="kind_refused", error="It is no reading.")
    made.append(refused)
    job = factories.job(project, APP, made, name="Lot 7", user=people["admin"])
    foreign = factories.job(other, APP, [reading("secret-part.json", 4.0)], name="Secret lot")
    return House(
        project=project,
        other=other,
        people=people,
        job=job,
        result=Result.objects.filter(job=job).order_by("id")[3],
        foreign=Result.objects.get(job=foreign),
    )
