"""The annotation page's endpoints: saving, conflicts, presence, proposals, who may."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from loupe.accounts.models import Role
from loupe.accounts.policy import LOWEST_ROLE, Action
from loupe.annotation import proposing
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.datasets.models import LabelChange, Record
from tests.host.annotation.conftest import Bench, readings, target

READ = {"": Action.VIEW, "record.json": Action.VIEW, "picture": Action.VIEW}
WRITE = {
    "save": Action.LABEL,
    "skip": Action.LABEL,
    "here": Action.VIEW,
    "propose": Action.LABEL,
}
ROLES = list(Role)


def fresh(record: Record) -> Record:
    return Record.objects.get(pk=record.pk)


def test_a_save_is_stored_with_who_and_how_and_answers_with_the_new_state(bench: Bench) -> None:
    client = bench.client()
    answer = bench.save(client, 0, target(3), 0, source="accepted").json()
    assert (answer["revision"], answer["state"]) == (1, "labelled")
    assert answer["counts"] == {"todo": 4, "labelled": 1, "skipped": 0}
    change = LabelChange.objects.get(record=bench.records[0])
    assert (change.user, change.source) == (bench.people["reviewer"], "accepted")
    assert fresh(bench.records[0]).labels == target(3)
    assert answer["changes"][0]["who"] == "reviewer"
    assert answer["changes"][0]["how"] == "Accepted from a model"


def test_two_people_at_once_never_overwrite_each_other(bench: Bench) -> None:
    first, second = bench.client(), bench.client("second")
    assert bench.save(first, 0, target(1), 0).status_code == 200
    late = bench.save(second, 0, target(2), 0)
    assert late.status_code == 409
    said = late.json()
    assert said["code"] == "label_conflict"
    assert "reviewer" in said["message"]
    assert said["theirs"]["labels"] == target(1)
    assert said["theirs"]["changes"][0]["who"] == "reviewer"
    assert fresh(bench.records[0]).labels == target(1)
    after = bench.save(second, 0, target(2), said["theirs"]["revision"])
    assert after.status_code == 200
    assert fresh(bench.records[0]).labels == target(2)


def test_presence_tells_of_others_and_of_what_they_have_stored(bench: Bench) -> None:
    first, second = bench.client(), bench.client("second")
    bench.post(first, 0, "here", {})
    bench.save(first, 0, target(1), 0)
    told = bench.post(second, 0, "here", {}).json()
    assert told["others"] == ["reviewer"]
    assert told["revision"] == 1
    bench.post(first, 0, "here", {"leaving": True})
    assert bench.post(second, 0, "here", {}).json()["others"] == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"labels": target(1)}, "bad_request"),
        ({"labels": target(1), "expected_revision": "0"}, "bad_request"),
        ({"labels": target(1), "expected_revision": 0, "source": "imported"}, "bad_request"),
        ({"labels": {"scaled": "many"}, "expected_revision": 0}, "labels_invalid"),
        ({"labels": target(1, "huge"), "expected_revision": 0}, "unknown_class"),
        ([1, 2], "bad_request"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_code_and_changes_nothing(
    bench: Bench, said: object, code: str
) -> None:
    answer = bench.post(bench.client(), 0, "save", said)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert len(answer.json()["message"]) > 20
    assert fresh(bench.records[0]).revision == 0


def test_bytes_that_are_no_json_are_refused(bench: Bench) -> None:
    answer = bench.client().post(bench.url(0, "save"), b"\xff{", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_record_is_left_out_and_taken_in_again(bench: Bench) -> None:
    client = bench.client()
    assert bench.post(client, 0, "skip", {"skipped": True}).json()["state"] == "skipped"
    assert bench.post(client, 0, "skip", {"skipped": False}).json()["state"] == "todo"


def test_labelling_starts_at_the_first_record_that_is_to_be_labelled(bench: Bench) -> None:
    client = bench.client()
    assert client.get(bench.url(None))["Location"] == bench.url(0)
    bench.save(client, 0, target(1), 0)
    assert client.get(bench.url(None))["Location"] == bench.url(1)


def test_the_page_carries_its_record_and_the_apps_editor(bench: Bench) -> None:
    page = bench.client().get(bench.url(1)).content.decode()
    data = json.loads(page.split('id="annotate-data" type="application/json">')[1].split("<")[0])
    assert data["record"]["name"] == "part-1.json"
    assert data["record"]["ahead"]["id"] == bench.records[2].pk
    assert data["module"].endswith("dummy_app/editor.js")
    assert 'data-part="scaled"' in page
    assert 'id="done"' in page
    assert 'id="done"' not in bench.client("viewer").get(bench.url(1)).content.decode()


def test_the_page_and_a_save_cost_the_same_in_a_large_dataset(bench: Bench) -> None:
    client = bench.client()

    def asked() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as page:
            assert client.get(bench.url(0)).status_code == 200
        seen = fresh(bench.records[0]).revision
        with CaptureQueriesContext(connection) as save:
            assert bench.save(client, 0, target(float(seen)), seen).status_code == 200
        return len(page), len(save)

    asked()
    before = asked()
    readings(bench.dataset, 200)
    assert asked() == before


def test_while_the_engine_is_away_proposals_are_refused_with_a_sentence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise TemporarilyUnavailable("The engine does not answer; try again.", code="engine_away")

    monkeypatch.setattr(proposing, "propose", away)
    answer = bench.post(bench.client(), 0, "propose", {})
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_away")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("rest", sorted({**READ, **WRITE}))
def test_each_endpoint_asks_the_policy(bench: Bench, rest: str, role: Role) -> None:
    action = {**READ, **WRITE}[rest]
    enough = ROLES.index(role) >= ROLES.index(LOWEST_ROLE[action])
    client = bench.client(role)
    there = bench.url(0, rest)
    answer = client.post(there, b"{}", "application/json") if rest in WRITE else client.get(there)
    assert (answer.status_code != 403) == enough


@pytest.mark.parametrize("rest", sorted({**READ, **WRITE}))
def test_a_record_of_another_project_does_not_exist(bench: Bench, rest: str) -> None:
    for client, there in (
        (bench.client("stranger"), bench.url(0, rest)),
        (bench.client("admin"), bench.url(0, rest, record=bench.foreign)),
    ):
        post = rest in WRITE
        answer = client.post(there, b"{}", "application/json") if post else client.get(there)
        assert answer.status_code == 404
        assert b"part-0" not in answer.content


def test_nobody_labels_without_a_token_of_the_page(bench: Bench) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bench.people["reviewer"])
    assert bench.save(client, 0, target(1), 0).status_code == 403
