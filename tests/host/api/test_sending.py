"""What a delivery says of itself: by query parameters, or by fields of the form."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from loupe.jobs.models import Job
from loupe.plugins import registry as apps
from tests.host.api.conftest import World
from tests.host.api.files import left

PATH = "/api/v1/submissions"


def send(client: Client, world: World, query: str = "", **fields: Any) -> Any:
    """A form with one file and the fields."""
    form = {"file": SimpleUploadedFile("part.json", b'{"value": 3}'), **fields}
    return client.post(PATH + query, form, HTTP_AUTHORIZATION=f"Api-Key {world.key('submit')}")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"app": "dummy_app", "model": "double", "name": "night"}),
        ("?app=dummy_app&model=double&name=night", {}),
        ("?app=dummy_app&name=night", {"app": "dummy_app", "model": "double"}),
        ("?app=dummy_app&name=night", {"app": "", "model": ["double", "double"]}),
    ],
    ids=["form", "query", "both", "empty and repeated"],
)
def test_app_model_and_name_come_by_form_or_query(
    client: Client, world: World, query: str, fields: dict[str, Any]
) -> None:
    answer = send(client, world, query, **fields)
    assert answer.status_code == 202, answer.json()
    job = Job.objects.get(pk=answer.json()["id"])
    version = job.provenance.model_version
    assert version is not None
    assert (job.app, version.model.name, job.submission.name) == ("dummy_app", "double", "night")


@pytest.mark.parametrize(
    ("query", "fields", "field"),
    [
        ("?app=dummy_app", {"app": "other"}, "app"),
        ("?app=dummy_app&model=double", {"model": "triple"}, "model"),
        ("?app=dummy_app&name=day", {"name": "night"}, "name"),
        ("", {"app": ["dummy_app", "other"]}, "app"),
    ],
)
def test_what_is_given_twice_and_differently_is_refused_and_named(
    client: Client, world: World, query: str, fields: dict[str, Any], field: str
) -> None:
    before = Job.objects.count(), left()
    answer = send(client, world, query, **fields)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid")
    assert [each["field"] for each in problem["errors"]] == [field]
    assert "more than once and differently" in problem["detail"]
    assert (Job.objects.count(), left()) == before


def test_without_an_app_the_answer_lists_them_and_says_where_the_name_goes(
    client: Client, world: World
) -> None:
    before = left()
    answer = send(client, world)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid")
    assert [each["field"] for each in problem["errors"]] == ["app"]
    assert all(each.slug in problem["detail"] for each in apps.installed())
    assert "?app=NAME" in problem["detail"]
    assert "-F app=NAME" in problem["detail"]
    assert left() == before


def test_an_app_that_is_not_installed_is_refused_with_the_list(
    client: Client, world: World
) -> None:
    answer = send(client, world, app="nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_app")
    assert "dummy_app" in answer.json()["detail"]


@pytest.mark.parametrize("value", ["x" * 256, "a\x00b"])
def test_a_field_of_the_form_has_the_limits_of_a_parameter(
    client: Client, world: World, value: str
) -> None:
    answer = send(client, world, app="dummy_app", name=value)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "name")


def test_a_field_that_comes_as_a_file_is_refused(client: Client, world: World) -> None:
    answer = send(client, world, app=SimpleUploadedFile("app", b"dummy_app"))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "app")


def test_the_document_tells_of_the_fields_of_the_form(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path, names in (
        (PATH, {"app", "facts", "model", "name"}),
        ("/api/v1/models", {"app", "name"}),
    ):
        body = document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]
        assert set(body["schema"]["properties"]) == {"file", *names}
