"""Trainings, evaluations and promotions by REST."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from loupe.accounts.models import Role
from loupe.plugins import registry
from loupe.registry.models import Stage
from loupe.testing import factories, trainings
from loupe.training.models import Run, RunMetrics, RunState
from tests.host.api.conftest import World

Call = Callable[..., Any]


@pytest.fixture
def data(world: World, tmp_path: Path, settings: Settings) -> dict[str, Any]:
    """A dataset version, as an order names it."""
    made = trainings.dataset_version(world.project, "dummy_app", "lot-7")
    return {"dataset": str(made.dataset_id), "dataset_version": made.number}


def test_a_training_is_started_read_cancelled_and_resumed(
    world: World, call: Call, data: dict[str, Any]
) -> None:
    key = world.key("view", "train")
    order = {"app": "dummy_app", "model": "ours", "config": {"steps": 3}, "seed": 7, **data}
    made = call(key, "POST", "/api/v1/trainings", order)
    assert made.status_code == 202
    found = made.json()
    assert (found["state"], found["seed"], found["dataset_name"]) == ("queued", 7, "lot-7")
    assert (found["config"]["steps"], found["config"]["rate"]) == (3, 0.5)
    there = made["Location"]
    read = call(key, "GET", there).json()
    assert (read["metrics"], read["log"], read["base"]) == ([], "", None)
    assert call(key, "POST", f"{there}/resume").json()["code"] == "wrong_state"
    assert call(key, "POST", f"{there}/cancel").json()["state"] == "cancelled"
    assert call(key, "POST", f"{there}/cancel").json()["code"] == "wrong_state"
    again = call(key, "POST", f"{there}/resume")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    listed = call(key, "GET", "/api/v1/trainings?state=queued").json()["trainings"]
    assert [one["id"] for one in listed] == [found["id"]]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"config": {"steps": 0}}, 400, "recipe_invalid"),
        ({"config": {"stepz": 1}}, 400, "recipe_invalid"),
        ({"model": "No Spaces"}, 400, "model_name"),
        ({"seed": -1}, 400, "training_refused"),
        ({"dataset_version": 99}, 404, "not_found"),
        ({"dataset": "0192f3c4-5d6e-7f80-9123-456789abcdef"}, 404, "not_found"),
        ({"base_model": "nobody"}, 404, "unknown_model"),
        ({"app": "heavy_probe"}, 409, "no_training"),
        ({"app": "nothing"}, 404, "unknown_app"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_its_code(
    world: World,
    call: Call,
    data: dict[str, Any],
    change: dict[str, Any],
    status: int,
    code: str,
) -> None:
    order = {"app": "dummy_app", "model": "ours", **data, **change}
    answer = call(world.key(), "POST", "/api/v1/trainings", order)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Run.objects.filter(state=RunState.QUEUED).exists()


def test_a_wrong_recipe_names_the_field(world: World, call: Call, data: dict[str, Any]) -> None:
    order = {"app": "dummy_app", "model": "ours", "config": {"rate": 7}, **data}
    problem = call(world.key(), "POST", "/api/v1/trainings", order).json()
    assert [error["field"] for error in problem["errors"]] == ["config.rate"]


def test_data_of_another_project_do_not_exist(world: World, other_world: World, call: Call) -> None:
    theirs = trainings.dataset_version(other_world.project, "dummy_app", "secret")
    order = {"app": "dummy_app", "model": "ours", "dataset": str(theirs.dataset_id)}
    assert call(world.key(), "POST", "/api/v1/trainings", order).status_code == 404


def test_events_tell_each_step_once_and_again_after_a_kill(
    world: World, client: Client, call: Call
) -> None:
    data = trainings.dataset_version(world.project, "dummy_app", "lot-7")
    run = trainings.run(data, figures=[{"loss": 2.0}, {"loss": 1.0}])
    key = world.key("view")

    def told(**headers: str) -> list[tuple[str, str]]:
        answer = call(key, "GET", f"/api/v1/trainings/{run.pk}/events", **headers)
        text = b"".join(answer).decode()
        blocks = [block for block in text.split("\n\n") if block.startswith("event")]
        return [(block.split("\n")[0][7:], block.split("\n")[1][4:]) for block in blocks]

    first = told()
    assert [name for name, _ in first] == ["metrics", "metrics", "training", "end"]
    last = first[-1][1]
    assert [name for name, _ in told(HTTP_LAST_EVENT_ID=last)] == ["training", "end"]
    RunMetrics.objects.filter(run=run, step=1).update(at=timezone.now())
    assert [name for name, _ in told(HTTP_LAST_EVENT_ID=last)] == ["metrics", "training", "end"]
    assert [name for name, _ in told(HTTP_LAST_EVENT_ID="9" * 18)] == ["training", "end"]


def test_a_list_of_trainings_costs_the_same_however_long_it_is(world: World, call: Call) -> None:
    key = world.key("view")
    data = trainings.dataset_version(world.project, "dummy_app", "lot-7")

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert call(key, "GET", "/api/v1/trainings").status_code == 200
        return len(seen)

    trainings.run(data)
    cost()  # the first call also looks the key up
    before = cost()
    for _ in range(20):
        trainings.run(data)
    assert cost() == before


def test_a_version_is_promoted_with_a_second_person_and_rolled_back(
    world: World, call: Call, client: Client
) -> None:
    project = world.project
    data = trainings.dataset_version(project, "dummy_app", "lot-7")
    panel = trainings.panel(error=0.1, parity=0.0)
    for number in (1, 2):
        version = factories.model_version(project, "dummy_app", "ours", number, Stage.CANDIDATE)
        trainings.evaluation(version, data, panel)
    there = f"/api/v1/models/{version.model_id}"
    key = world.key("view", "manage_models")
    done = call(key, "POST", f"{there}/promote", {"version": 1, "reason": "first"})
    assert (done.status_code, done.json()["version"]["stage"]) == (200, "production")

    project.second_person = True
    project.save()
    stale = {"version": 2, "reason": "better", "replacing": None}
    asked = call(key, "POST", f"{there}/promote", {**stale, "replacing": 1})
    assert (asked.status_code, asked.json()["waiting"]["state"]) == (202, "waiting")
    assert call(key, "POST", f"{there}/approve", {}).json()["code"] == "person_required"
    client.force_login(world.person(Role.ENGINEER))
    agreed = client.post(f"{there}/approve", {"comment": "yes"}, content_type="application/json")
    assert (agreed.status_code, agreed.json()["stage"]) == (200, "production")
    back = call(key, "POST", f"{there}/rollback", {"reason": "escapes on lot 8"})
    assert (back.status_code, back.json()["number"]) == (200, 1)
    history = call(key, "GET", f"{there}/promotions").json()["promotions"]
    assert [(one["version"], one["rolls_back"], one["state"]) for one in history] == [
        (1, True, "approved"),
        (2, False, "approved"),
        (1, False, "approved"),
    ]
    assert history[1]["comment"] == "yes"


def test_a_version_whose_parity_fails_is_refused_on_every_way_by_rest(
    world: World, call: Call
) -> None:
    data = trainings.dataset_version(world.project, "dummy_app", "lot-7")
    version = factories.model_version(world.project, "dummy_app", "ours", 1, Stage.CANDIDATE)
    panel = trainings.panel(error=0.1, parity=0.7)
    trainings.evaluation(version, data, panel)
    there = f"/api/v1/models/{version.model_id}"
    key = world.key()
    rows = call(key, "GET", f"{there}/versions/1/gate").json()
    assert (rows["open"], [row["holds"] for row in rows["rows"]]) == (False, [True, True, False])
    first = call(key, "POST", f"{there}/promote", {"version": 1, "reason": "please"})
    stage = {"stage": "production", "reason": "please"}
    second = call(key, "POST", f"{there}/versions/1/stage", stage)
    assert [one.json()["code"] for one in (first, second)] == ["gate_closed", "gate_closed"]
    assert "answers as trained" in first.json()["detail"]
    scored = call(key, "GET", f"{there}/versions/1/evaluations").json()["evaluations"]
    assert scored[0]["panel"]["figures"][1]["value"] == 0.7


def test_an_evaluation_is_queued_for_a_version(
    world: World, call: Call, data: dict[str, Any]
) -> None:
    there = f"/api/v1/models/{world.model.pk}/versions/1/evaluations"
    made = call(world.key(), "POST", there, data)
    assert (made.status_code, made.json()["kind"], made.json()["base"]) == (
        202,
        "evaluate",
        "own v1",
    )


def test_a_source_is_listed_and_trained_on_in_place_of_a_dataset(
    world: World, call: Call, data: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = registry.get("dummy_app")
    assert app.training is not None
    named = "tests.host.training.test_gathering"
    more = replace(app.training, sources=f"{named}:sources", gather=f"{named}:gather")
    monkeypatch.setattr(app, "training", more)
    key = world.key("view", "train")
    listed = call(key, "GET", "/api/v1/trainings/sources?app=dummy_app").json()
    assert listed == {"sources": [{"key": "notebook", "words": "What was written down"}]}
    order = {"app": "dummy_app", "model": "ours", "source": "notebook"}
    made = call(key, "POST", "/api/v1/trainings", order)
    assert (made.status_code, made.json()["dataset_name"]) == (202, "notebook")
    unknown = call(key, "POST", "/api/v1/trainings", order | {"source": "elsewhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_source")
    both = call(key, "POST", "/api/v1/trainings", order | data)
    assert (both.status_code, both.json()["code"]) == (400, "data_not_named")
    neither = call(key, "POST", "/api/v1/trainings", {"app": "dummy_app", "model": "ours"})
    assert neither.json()["code"] == "data_not_named"
