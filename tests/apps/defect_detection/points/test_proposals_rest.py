"""Proposed operating points by REST: listed, fitted again, accepted and put aside; who may."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.defect_detection.app import App
from apps.defect_detection.models import PointProposal, ProposalState
from apps.defect_detection.operating.limits import Limit, Promise
from apps.defect_detection.points import proposing, refitting
from loupe.accounts.models import Role
from loupe.accounts.policy import SYSTEM, Actor
from loupe.registry import services as registry
from loupe.registry.models import OperatingPoint, Stage
from loupe.testing import factories
from tests.apps.defect_detection.points.conftest import APP, Works, many

PROMISE = Promise(limits=(Limit(kind="escape", at_most=0.03),), confidence=0.9)


@pytest.fixture
def waiting(works: Works) -> PointProposal:
    """A proposal for the candidate that `works.version` is from then on, fitted to what somebody
    has promised about the version in production."""
    rules = proposing.rules_of(proposing.current(works.version, works.project, ""))
    found = proposing.fitted(works.evaluate(many()), rules, PROMISE)
    actor = Actor(user=works.people["engineer"])
    proposing.set_fitted(actor, works.project, works.version, found)
    works.version = factories.model_version(works.project, APP, "boards", 2, Stage.CANDIDATE)
    evaluation = works.evaluate(many(seed=1))
    refitting.on_evaluated([evaluation.pk])
    return PointProposal.objects.get()


def ask(works: Works, method: str, rest: str = "", key: str | None = None, **headers: str) -> Any:
    """A call with an API key."""
    return Client().generic(
        method,
        works.api(f"operating-point/proposals{rest}"),
        b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {key or works.key()}", **headers},
    )


def test_what_waits_is_listed_with_its_certificate_and_what_it_was_fitted_to(
    works: Works, waiting: PointProposal
) -> None:
    said = ask(works, "GET").json()
    (one,) = said["proposals"]
    assert said["next_cursor"] is None
    assert (one["id"], one["state"], one["artefact"]) == (waiting.pk, "open", "onnx")
    assert one["assumed"] is False
    assert one["promise"]["limits"][0]["at_most"] == 0.03
    assert one["point"] == waiting.point
    assert one["certificate"]["source"]["evaluation"] == one["evaluation"]
    assert ask(works, "GET", "?state=accepted").json()["proposals"] == []
    refused = ask(works, "GET", "?state=gone")
    assert (refused.status_code, refused.json()["code"]) == (422, "state_unknown")


def test_accepting_lets_the_point_decide_once_under_a_key_and_never_again(
    works: Works, waiting: PointProposal
) -> None:
    key = works.key()
    rest = f"/{waiting.pk}/accept"
    first = ask(works, "POST", rest, key, **{"Idempotency-Key": "a"})
    again = ask(works, "POST", rest, key, **{"Idempotency-Key": "a"})
    assert first.status_code == again.status_code == 201, first.content
    assert again["Idempotency-Replayed"] == "true"
    point = registry.operating_point(works.version, works.project)
    assert (point.number, point.data) == (first.json()["number"], waiting.point)
    assert point.certificate == waiting.certificate
    assert first.json()["proposal"]["state"] == "accepted"
    assert first.json()["proposal"]["decided_at"]
    over = ask(works, "POST", rest)
    assert (over.status_code, over.json()["code"]) == (409, "proposal_over")
    points = OperatingPoint.objects.filter(model_version=works.version, project=works.project)
    assert points.count() == 1
    listed = ask(works, "GET", "?state=accepted").json()["proposals"]
    assert [one["id"] for one in listed] == [waiting.pk]


def test_a_person_who_accepts_is_named(works: Works, waiting: PointProposal) -> None:
    client = works.client("engineer")
    path = works.api(f"operating-point/proposals/{waiting.pk}/accept")
    made = client.post(path, "{}", "application/json")
    assert made.json()["proposal"]["decided_by"] == works.people["engineer"].username


def test_a_proposal_put_aside_stays_so_when_proposed_again(
    works: Works, waiting: PointProposal
) -> None:
    assert ask(works, "POST", f"/{waiting.pk}/dismiss").json()["state"] == "dismissed"
    assert ask(works, "POST").json()["proposals"] == []
    over = ask(works, "POST", f"/{waiting.pk}/accept")
    assert over.status_code == 409


def test_changed_rules_refuse_the_old_fit_and_proposing_again_mends_it(
    works: Works, waiting: PointProposal
) -> None:
    actor = Actor(user=works.people["engineer"])
    data = registry.operating_point(works.version, works.project).data
    changed = {**data, "classes": {"pit": {"severity": "minor"}}}
    registry.set_operating_point(actor, works.project, works.version, changed)
    stale = ask(works, "POST", f"/{waiting.pk}/accept")
    assert (stale.status_code, stale.json()["code"]) == (409, "proposal_over")
    (one,) = ask(works, "POST").json()["proposals"]
    assert one["point"]["classes"]["pit"]["severity"] == "minor"
    assert ask(works, "POST", f"/{one['id']}/accept").status_code == 201


def test_where_points_need_consent_a_key_or_one_person_alone_cannot_accept(
    works: Works, waiting: PointProposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(App, "points_need_consent", True)
    works.project.second_person = True
    works.project.save()
    refused = ask(works, "POST", f"/{waiting.pk}/accept")
    assert (refused.status_code, refused.json()["code"]) == (409, "second_person_needed")
    waiting.refresh_from_db()
    assert waiting.state == ProposalState.OPEN
    points = OperatingPoint.objects.filter(model_version=works.version, project=works.project)
    assert not points.exists()


@pytest.mark.parametrize("role", list(Role))
def test_viewers_see_proposals_and_engineers_decide(
    works: Works, waiting: PointProposal, role: Role
) -> None:
    client = works.client(role.value)
    path = works.api("operating-point/proposals")
    assert client.get(path).status_code == 200
    may = role in {Role.ENGINEER, Role.ADMIN}
    for rest, status in ((f"/{waiting.pk}/accept", 201), ("", 200)):
        answer = client.post(f"{path}{rest}", "{}", "application/json")
        assert answer.status_code == (status if may else 403), answer.content


@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("POST", ""), ("POST", "/{}/accept"), ("POST", "/{}/dismiss")]
)
def test_nobody_else_sees_or_decides(
    works: Works, waiting: PointProposal, method: str, rest: str
) -> None:
    path = works.api("operating-point/proposals" + rest.format(waiting.pk))
    assert Client().generic(method, path, "{}", "application/json").status_code == 401
    stranger = works.client("stranger")
    assert stranger.generic(method, path, "{}", "application/json").status_code == 404
    scoped = ask(works, method, rest.format(waiting.pk), works.key("submit"))
    assert scoped.status_code == 403


def test_another_versions_proposal_is_not_found(works: Works, waiting: PointProposal) -> None:
    works.version = factories.model_version(works.project, APP, "boards", 3, Stage.CANDIDATE)
    for verb in ("accept", "dismiss"):
        answer = ask(works, "POST", f"/{waiting.pk}/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    refitting.dismiss(SYSTEM, waiting)


def test_the_document_tells_of_proposals(works: Works) -> None:
    document = json.loads(Client().get("/api/v1/openapi.json").content)
    base = "/api/v1/defect_detection/models/{model_id}/versions/{number}/operating-point/proposals"
    assert set(document["paths"][base]) == {"get", "post"}
    assert "post" in document["paths"][base + "/{proposal_id}/accept"]
