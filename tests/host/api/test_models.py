"""A model's life by REST: upload, promote, thresholds, retire."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings
from safetensors.numpy import save

from loupe.accounts.policy import SYSTEM
from loupe.registry import services as registry
from loupe.registry.models import Model
from tests.host.api.conftest import World

Call = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, settings: Settings) -> Path:
    """A model repository of the test's own."""
    settings.MODEL_REPOSITORY = tmp_path / "models"
    settings.SPOOL = tmp_path / "spool"
    return tmp_path


def upload(client: Client, raw: str, name: str, factor: float, key: str = "") -> Any:
    """Send a model as a form with everything in it."""
    content = save({"factor": np.array([factor], dtype=np.float32)})
    form = {
        "app": "dummy_app",
        "name": name,
        "file": SimpleUploadedFile("factor.safetensors", content),
    }
    extra: dict[str, Any] = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post("/api/v1/models", form, HTTP_AUTHORIZATION=f"Api-Key {raw}", **extra)


def test_a_model_is_uploaded_promoted_given_thresholds_and_retired(
    place: Path, world: World, client: Client, call: Call
) -> None:
    raw = world.key("view", "manage_models")
    made = upload(client, raw, "triple", 3.0)
    assert (made.status_code, made.json()["stage"]) == (201, "candidate")
    version = made["Location"]

    promoted = call(raw, "POST", f"{version}/stage", {"stage": "production", "reason": "better"})
    assert (promoted.status_code, promoted.json()["stage"]) == (200, "production")
    chosen = registry.resolve(SYSTEM, world.project, "dummy_app", None)
    assert (chosen.model.name, chosen.number) == ("triple", 1)

    order = {"data": {"low": 1, "high": 2}, "note": "stricter"}
    point = call(raw, "POST", f"{version}/operating-points", order)
    assert (point.status_code, point.json()["data"]) == (201, {"low": 1.0, "high": 2.0})
    listed = call(raw, "GET", f"{version}/operating-points").json()["operating_points"]
    assert next(each["note"] for each in listed) == "stricter"
    assert registry.operating_point(chosen, world.project).data == {"low": 1.0, "high": 2.0}

    retired = call(raw, "POST", f"{version}/stage", {"stage": "retired", "reason": "worn"})
    assert (retired.status_code, retired.json()["stage"]) == (200, "retired")
    after = registry.resolve(SYSTEM, world.project, "dummy_app", None)
    assert after.model.name == "double"
    kinds = [each["kind"] for each in call(raw, "GET", "/api/v1/changes").json()["changes"]]
    told = [kind for kind in kinds if kind.startswith(("model.", "operating_point."))]
    assert told == [
        "model.registered",
        "model.promoted",
        "operating_point.set",
        "model.retired",
    ]


def test_steps_that_make_no_sense_are_refused_with_their_codes(
    place: Path, world: World, client: Client, call: Call
) -> None:
    raw = world.key()
    version = upload(client, raw, "triple", 3.0)["Location"]
    for nothing in (" ", "\u200b"):
        silent = call(raw, "POST", f"{version}/stage", {"stage": "production", "reason": nothing})
        assert (silent.status_code, silent.json()["code"]) == (400, "reason_missing")
    wrong = call(raw, "POST", f"{version}/operating-points", {"data": {"low": "x"}, "note": ""})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "operating_point_invalid")
    assert "data.low" in [each["field"] for each in wrong.json()["errors"]]
    call(raw, "POST", f"{version}/stage", {"stage": "retired", "reason": "worn"})
    again = call(raw, "POST", f"{version}/stage", {"stage": "production", "reason": "better"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_stage")
    shared = Model.objects.get(app="dummy_app", project=None)
    theirs = f"/api/v1/models/{shared.pk}/versions/1/stage"
    answer = call(raw, "POST", theirs, {"stage": "retired", "reason": "worn"})
    assert (answer.status_code, answer.json()["code"]) == (403, "shared_model")


def test_an_upload_repeated_under_its_key_is_one_version(
    place: Path, world: World, client: Client
) -> None:
    raw = world.key()
    first, again = (upload(client, raw, "triple", 3.0, "once") for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Location"] == first["Location"]
    assert Model.objects.get(name="triple").versions.count() == 1


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b"not a model", "model_refused")]
)
def test_a_file_that_is_no_model_is_refused(
    place: Path, world: World, client: Client, content: bytes, code: str
) -> None:
    form = {
        "app": "dummy_app",
        "name": "broken",
        "file": SimpleUploadedFile("factor.safetensors", content),
    }
    raw = world.key()
    answer = client.post("/api/v1/models", form, HTTP_AUTHORIZATION=f"Api-Key {raw}")
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.json()
    assert not Model.objects.filter(name="broken").exists()
