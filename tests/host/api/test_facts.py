"""What senders say beside the bytes is taken alike by form, query and JSON, checked once, kept."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from loupe.accounts.policy import SYSTEM
from loupe.intake.models import Submission
from loupe.registry import services as registry
from loupe.registry.models import Model, ModelVersion
from tests.host.api.conftest import World

URL = "/api/v1/submissions?app=dummy_app"


@pytest.fixture
def send(client: Client, world: World) -> Any:
    """Sends one reading and returns the answer."""
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {world.key()}"}

    def call(query: str = "", **fields: str) -> Any:
        file = SimpleUploadedFile("a.json", b'{"value": 7}', "application/json")
        return client.post(URL + query, {"file": file, **fields}, **headers)

    return call


def said(answer: Any) -> dict[str, str]:
    assert answer.status_code == 202, answer.content
    facts: dict[str, str] = Submission.objects.get(job=answer.json()["id"]).facts
    return facts


def test_form_query_and_json_say_the_same(send: Any) -> None:
    expected = {"batch": "b1", "tray": "t"}
    assert said(send(batch="b1", tray="t")) == expected
    assert said(send("&batch=b1&tray=t")) == expected
    assert said(send(facts=json.dumps(expected))) == expected
    assert said(send("&batch=b1", tray=" t ")) == expected


def test_a_submission_shows_what_was_said(client: Client, world: World, send: Any) -> None:
    found = send(batch="b2").json()
    headers: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {world.key()}"}
    shown = client.get(f"/api/v1/submissions/{found['submission']}", **headers).json()
    assert shown["facts"] == {"batch": "b2"}


def test_the_app_completes_facts_before_they_are_kept(send: Any) -> None:
    assert said(send(tray="b2-7")) == {"batch": "b2", "tray": "b2-7"}


@pytest.mark.parametrize(
    ("query", "fields", "field", "sentence"),
    [
        ("", {"batch": "b9"}, "batch", "There is no batch 'b9'; there are: b1, b2."),
        ("", {"batch": "b" * 21}, "batch", "batch has 21 characters; at most 20 are taken."),
        ("", {"tray": "a\x07b"}, "tray", "tray holds a control character"),
        ("&batch=b1", {"batch": "b2"}, "batch", "batch was given more than once"),
        ("", {"facts": "[]"}, "facts", "facts must be a JSON object"),
        ("", {"facts": "{"}, "facts", "facts is no JSON"),
        ("", {"facts": '{"lot": "1"}'}, "facts", "There is no fact 'lot'; there are: batch, tray."),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_nothing_is_kept(
    send: Any, query: str, fields: dict[str, str], field: str, sentence: str
) -> None:
    before = Submission.objects.count()
    answer = send(query, **fields)
    assert answer.status_code == 400
    problem = answer.json()
    assert sentence in problem["detail"]
    assert problem["errors"][0]["field"] == field
    assert Submission.objects.count() == before


def test_the_scope_chooses_model_and_operating_point(send: Any, world: World) -> None:
    shared = ModelVersion.objects.select_related("model").get(model__name="double")
    own = Model.objects.create(app="dummy_app", project=world.project, name="scaler-of-line")
    version = ModelVersion.objects.create(
        model=own, number=1, stage="production", manifest=shared.manifest,
        artefact_sha256=shared.artefact_sha256,
    )  # fmt: skip
    registry.set_operating_point(SYSTEM, world.project, version, {"low": 1, "high": 2})
    registry.set_operating_point(SYSTEM, world.project, shared, {"low": 3, "high": 4}, scope="b2")
    registry.set_scope_model(SYSTEM, world.project, "dummy_app", "b2", shared.model)
    plain, scoped = send().json()["model"], send(batch="b2").json()["model"]
    assert (plain["name"], scoped["name"]) == ("scaler-of-line", "double")
    assert registry.operating_point(shared, world.project, "b2").data["low"] == 3.0
    named = send("&model=scaler-of-line", batch="b2").json()["model"]
    assert named["name"] == "scaler-of-line"
