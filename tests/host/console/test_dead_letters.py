"""Deliveries that were given up, on their page and by REST."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from loupe.accounts import keys
from loupe.accounts.policy import SYSTEM
from loupe.audit.models import Event
from loupe.changes.services import publish
from loupe.delivery.models import Attempt, Delivery, Webhook
from tests.host.console.conftest import House
from tests.host.console.test_pages import queries

THERE = "settings/webhooks/dead-letters/"


@pytest.fixture
def letters(house: House) -> list[Delivery]:
    """Six dead letters of two webhooks, one pending delivery, and one of another project."""
    return given_up(house, 6)


def given_up(house: House, count: int) -> list[Delivery]:
    hooks = [
        Webhook.objects.get_or_create(project=house.project, url=f"https://{name}.example/")[0]
        for name in ("one", "two")
    ]
    foreign = Webhook.objects.get_or_create(project=house.other, url="https://foreign.example/")[0]
    made = [dead(hooks[n % 2], "job.done" if n % 3 else "result.reviewed") for n in range(count)]
    dead(foreign, "job.done")
    Delivery.objects.filter(pk=dead(hooks[0], "job.done").pk).update(state="pending")
    return made


def dead(webhook: Webhook, kind: str) -> Delivery:
    now = timezone.now()
    delivery = Delivery.objects.create(
        webhook=webhook,
        change=publish(webhook.project, kind, "x", {}),
        state=Delivery.State.GIVEN_UP,
        next_attempt_at=now,
        give_up_at=now,
    )
    for error in ("HTTP 500", "HTTP 503"):
        Attempt.objects.create(delivery=delivery, at=now, error=error, elapsed_ms=1.0)
    return delivery


def states() -> dict[int, str]:
    return dict(Delivery.objects.values_list("pk", "state"))


def test_the_page_lists_what_was_given_up_and_why(house: House, letters: list[Delivery]) -> None:
    page = house.client().get(house.url(THERE)).content.decode()
    assert page.count("data-pick") == 6
    assert "HTTP 503" in page
    assert "foreign.example" not in page
    some = house.client().get(house.url(f"{THERE}?kind=result.reviewed")).content.decode()
    assert some.count("data-pick") == 2
    hook = letters[1].webhook_id
    some = house.client().get(house.url(f"{THERE}?webhook={hook}")).content.decode()
    assert some.count("data-pick") == 3
    listed = house.client().get(house.url("settings/webhooks/")).content.decode()
    assert "6 deliveries were given up." in listed


def test_the_page_costs_the_same_with_many(house: House, letters: list[Delivery]) -> None:
    before = queries(house, house.url(THERE))
    given_up(house, 60)
    assert queries(house, house.url(THERE)) == before


def test_selected_ones_are_sent_again(house: House, letters: list[Delivery]) -> None:
    picked = [letters[0].pk, letters[1].pk]
    answer = house.client().post(house.url(f"{THERE}replay"), {"pick": picked}, follow=True)
    assert "2 are on their way again." in answer.content.decode()
    now = states()
    assert {now[pk] for pk in picked} == {"pending"}
    assert sum(state == "given_up" for state in now.values()) == 5
    again = Delivery.objects.get(pk=picked[0])
    assert again.give_up_at > timezone.now()
    assert Event.objects.filter(action="webhook.dead_letters_replayed").count() == 1


def test_all_that_match_are_moved_and_no_other(house: House, letters: list[Delivery]) -> None:
    client = house.client()
    answer = client.post(
        house.url(f"{THERE}discard"), {"all": "1", "kind": "result.reviewed"}, follow=True
    )
    assert "2 were put aside." in answer.content.decode()
    client.post(house.url(f"{THERE}replay"), {"all": "1"})
    assert sorted(states().values()) == ["discarded"] * 2 + ["given_up"] + ["pending"] * 5


def test_those_of_a_webhook_that_is_off_stay(house: House, letters: list[Delivery]) -> None:
    Webhook.objects.filter(project=house.project).update(enabled=False)
    answer = house.client().post(house.url(f"{THERE}replay"), {"all": "1"}, follow=True)
    assert "nothing_to_do" in answer.content.decode()
    assert sum(state == "given_up" for state in states().values()) == 7


def test_a_foreign_letter_is_never_moved(house: House, letters: list[Delivery]) -> None:
    foreign = Delivery.objects.get(webhook__project=house.other)
    house.client().post(house.url(f"{THERE}discard"), {"pick": [foreign.pk]})
    assert states()[foreign.pk] == "given_up"


def rest(house: House, method: str, path: str, body: Any = None) -> Any:
    key = keys.create(SYSTEM, house.project, "k", ["manage_webhooks"], "never")[1]
    return Client().generic(
        method,
        f"/api/v1/dead-letters{path}",
        "" if body is None else json.dumps(body),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Api-Key {key}",
    )


def test_rest_lists_and_moves_them(house: House, letters: list[Delivery]) -> None:
    page = rest(house, "GET", "?limit=4").json()
    assert [row["id"] for row in page["dead_letters"]] == [x.pk for x in reversed(letters[2:])]
    assert [one["error"] for one in page["dead_letters"][0]["attempts"]] == ["HTTP 500", "HTTP 503"]
    assert page["next_cursor"]
    assert rest(house, "GET", "?webhook=x").status_code == 400
    moved = rest(house, "POST", "/replay", {"deliveries": [letters[0].pk]})
    assert (moved.status_code, moved.json()) == (202, {"count": 1})
    moved = rest(house, "POST", "/discard", {"webhook": str(letters[1].webhook_id)})
    assert (moved.status_code, moved.json()) == (200, {"count": 3})
    again = rest(house, "POST", "/discard", {"deliveries": []})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_do")
