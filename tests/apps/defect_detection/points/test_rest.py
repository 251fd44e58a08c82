"""Operating points by REST: fit, fit and set, curve, rehearsal; who may, and what is refused."""

import json
from typing import Any

import pytest
from django.test import Client

from loupe.accounts.models import Role
from loupe.registry.models import OperatingPoint
from loupe.testing import factories
from tests.apps.defect_detection.points.conftest import APP, Works, many, result

PROMISE = {"limits": [{"kind": "escape", "at_most": 0.03}]}
PLACES = (("GET", "curve"), ("POST", "fit"), ("POST", "fit-and-set"), ("POST", "rehearse"))


def ask(
    works: Works,
    method: str,
    rest: str,
    body: object = None,
    key: str | None = None,
    **headers: str,
) -> Any:
    """A call with an API key."""
    return Client().generic(
        method,
        works.api(f"operating-point/{rest}"),
        json.dumps(body or {}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {key or works.key()}", **headers},
    )


def test_a_fit_answers_point_certificate_and_rates_and_sets_nothing(works: Works) -> None:
    evaluation = works.evaluate(many())
    answer = ask(works, "POST", "fit", {"promise": PROMISE})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["certificate"]["holds"] is True
    assert said["certificate"]["source"]["evaluation"] == evaluation.pk
    assert said["rates"]["escape"]["units"] == 240
    assert said["point"]["threshold"] == said["point"]["review_from"]
    assert not OperatingPoint.objects.filter(project=works.project).exists()


def test_fit_and_set_keeps_the_certificate_and_happens_once_under_a_key(works: Works) -> None:
    works.evaluate(many())
    key = works.key()
    order = {"promise": PROMISE, "note": "Lot 7", "scope": "ring"}
    first = ask(works, "POST", "fit-and-set", order, key, **{"Idempotency-Key": "a"})
    again = ask(works, "POST", "fit-and-set", order, key, **{"Idempotency-Key": "a"})
    assert first.status_code == again.status_code == 201
    assert again["Idempotency-Replayed"] == "true"
    point: Any = OperatingPoint.objects.get(project=works.project)
    assert (point.number, point.scope, point.note) == (first.json()["number"], "ring", "Lot 7")
    assert point.certificate["found"][0]["holds"] is True
    listed = Client().get(
        f"/api/v1/models/{works.version.model_id}/versions/1/operating-points",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert listed.json()["operating_points"][0]["data"]["threshold"] == point.data["threshold"]


def test_what_cannot_be_certified_is_set_only_where_that_is_asked_for(works: Works) -> None:
    works.evaluate(many(30, 30))
    order = {"promise": {"limits": [{"kind": "escape", "at_most": 0.01}]}}
    refused = ask(works, "POST", "fit-and-set", order)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_certified")
    assert not OperatingPoint.objects.filter(project=works.project).exists()
    made = ask(works, "POST", "fit-and-set", {**order, "only_certified": False})
    assert made.status_code == 201
    found = made.json()["certificate"]["found"][0]
    assert found["holds"] is False
    assert found["missing"] > 0


def test_rules_can_be_given_beside_the_promise(works: Works) -> None:
    works.evaluate(many())
    order = {"promise": PROMISE, "rules": {"classes": {"pit": {"min_side": 5000}}}}
    found = ask(works, "POST", "fit", order).json()["certificate"]["found"][0]
    assert found["chosen_on"]["parts"] + found["certified_on"]["parts"] == 120


def test_the_curve_stands_beside_the_present_point(works: Works) -> None:
    works.evaluate(many())
    said = ask(works, "GET", "curve").json()
    assert len(said["thresholds"]) == len(said["escape"]["losses"]) == len(said["overkill"]["low"])
    assert said["pair"]["pg2"]["value"] > 0.9
    assert said["certificate"] is None
    one = ask(works, "GET", "curve?class=pit").json()
    assert one["escape"]["parts"] == 120


def test_a_rehearsal_says_what_would_have_been(works: Works) -> None:
    made = [factories.Made(name=f"{n}.png", data=result(n / 10)) for n in range(10)]
    factories.job(works.project, APP, made, version=works.version)
    said = ask(works, "POST", "rehearse", {"point": {"threshold": 0.8, "review_from": 0.8}}).json()
    assert said["then"] == {"pass": 3, "review": 2, "fail": 5}
    assert said["would"] == {"pass": 8, "review": 0, "fail": 2}
    moves = {(one["then"], one["would"]): one["count"] for one in said["moved"]}
    assert moves == {("review", "pass"): 2, ("fail", "pass"): 3}


@pytest.mark.parametrize(
    ("rest", "body", "status", "code"),
    [
        ("fit", {}, 400, "invalid"),
        ("fit", {"promise": {"limits": []}}, 400, "invalid"),
        ("fit", {"promise": {"limits": [{"kind": "escape", "at_most": 2}]}}, 400, "invalid"),
        ("fit", {"promise": PROMISE, "evaluation": 999}, 404, "not_found"),
        (
            "fit",
            {"promise": {"limits": [{"kind": "escape", "at_most": 0.1, "label": "dent"}]}},
            422,
            "class_unknown",
        ),
        ("rehearse", {"point": {"threshold": 9}}, 400, "invalid"),
    ],
)
def test_wrong_orders_are_refused_with_a_code(
    works: Works, rest: str, body: object, status: int, code: str
) -> None:
    works.evaluate(many(20, 20))
    answer = ask(works, "POST", rest, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content


def test_a_version_that_was_never_evaluated_is_told_so(works: Works) -> None:
    answer = ask(works, "POST", "fit", {"promise": PROMISE})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_evaluated")


@pytest.mark.parametrize(("method", "rest"), PLACES)
def test_without_a_key_nobody_gets_anything(works: Works, method: str, rest: str) -> None:
    path = works.api(f"operating-point/{rest}")
    assert Client().generic(method, path, "{}", "application/json").status_code == 401


@pytest.mark.parametrize(("method", "rest"), PLACES)
def test_another_projects_versions_do_not_exist(works: Works, method: str, rest: str) -> None:
    works.evaluate(many(20, 20))
    client = works.client("stranger")
    path = works.api(f"operating-point/{rest}")
    assert client.generic(method, path, "{}", "application/json").status_code == 404


@pytest.mark.parametrize("role", list(Role))
def test_setting_takes_an_engineer(works: Works, role: Role) -> None:
    works.evaluate(many(60, 60))
    client = works.client(role.value)
    order = json.dumps({"promise": PROMISE, "only_certified": False})
    for rest, enough in (("fit", True), ("fit-and-set", role in {Role.ENGINEER, Role.ADMIN})):
        answer = client.post(works.api(f"operating-point/{rest}"), order, "application/json")
        assert (answer.status_code != 403) == enough
    assert answer.status_code in {201, 403}


@pytest.mark.parametrize(("method", "rest"), PLACES)
def test_a_key_needs_the_scope(works: Works, method: str, rest: str) -> None:
    works.evaluate(many(20, 20))
    assert ask(works, method, rest, {}, works.key("submit")).status_code == 403
