"""One verb about many rows, and all of it taken back."""

import re

import pytest
from django.test import Client

from loupe.accounts.policy import Actor
from loupe.jobs.models import Result
from loupe.review import services as review
from loupe.review.models import Review
from tests.host.console.conftest import House


def chosen(house: House, count: int = 4) -> list[int]:
    return list(Result.objects.filter(job=house.job).values_list("pk", flat=True)[:count])


def say(client: Client, house: House, ids: list[int], **more: object) -> str:
    answer = client.post(
        house.app("results/bulk"), {"verb": "agree", "result": ids, **more}, follow=True
    )
    return answer.content.decode()


def test_the_list_offers_to_take_the_last_call_back_and_does_so(house: House) -> None:
    client, ids = house.client("reviewer"), chosen(house)
    page = say(client, house, ids, note="Polishing marks")
    assert "4 results: Agree." in page
    assert 'id="bulk-undo"' in page
    assert set(Review.objects.values_list("note", flat=True)) == {"Polishing marks"}
    answer = client.post(house.app("results/bulk/undo"), {}, follow=True).content.decode()
    assert "4 calls were taken back." in answer
    assert 'id="bulk-undo"' not in answer
    assert not Result.objects.filter(reviewed=True).exists()
    assert Review.objects.count() == 8


def test_undo_leaves_what_somebody_said_since(house: House) -> None:
    client, ids = house.client("reviewer"), chosen(house)
    say(client, house, ids)
    other = Actor(user=house.people["engineer"])
    review.give(other, Result.objects.select_related("project").get(pk=ids[0]), "agree")
    answer = client.post(house.app("results/bulk/undo"), {}, follow=True).content.decode()
    assert "3 calls were taken back." in answer
    assert "engineer" in answer
    assert set(Result.objects.filter(reviewed=True).values_list("pk", flat=True)) == {ids[0]}


def test_a_row_reviewed_since_the_page_was_opened_is_refused_alone(house: House) -> None:
    client, ids = house.client("reviewer"), chosen(house)
    page = client.get(house.app("results/")).content.decode()
    seen = dict(re.findall(r'name="(last-\d+)" value="(\d+)"', page))
    assert set(seen) >= {f"last-{pk}" for pk in ids}
    other = Actor(user=house.people["engineer"])
    review.give(other, Result.objects.select_related("project").get(pk=ids[0]), "agree")
    told = say(client, house, ids, **seen)
    assert "3 results: Agree." in told
    assert "after you opened it" in told


def test_undo_is_offered_to_nobody_else_and_not_twice(house: House) -> None:
    client = house.client("reviewer")
    say(client, house, chosen(house))
    assert (
        'id="bulk-undo"' not in house.client("engineer").get(house.app("results/")).content.decode()
    )
    client.post(house.app("results/bulk/undo"))
    again = client.post(house.app("results/bulk/undo"), {}, follow=True).content.decode()
    assert "nothing_to_undo" in again
    assert Review.objects.count() == 8


def test_a_viewer_sees_no_boxes_and_no_keys(house: House) -> None:
    page = house.client("viewer").get(house.app("results/")).content.decode()
    assert "data-pick" not in page
    assert "data-key" not in page


@pytest.mark.parametrize("ids", [[], ["x"], ["9" * 30]])
def test_a_selection_that_means_nothing_is_said(house: House, ids: list[str]) -> None:
    answer = house.client("reviewer").post(
        house.app("results/bulk"), {"verb": "agree", "result": ids}, follow=True
    )
    assert "nothing_selected" in answer.content.decode()


def test_undo_of_many_follows_the_same_rules_as_of_one(house: House) -> None:
    actor = Actor(user=house.people["reviewer"])
    rows = list(Result.objects.filter(pk__in=chosen(house)).select_related("project"))
    given, _refused = review.give_many(actor, rows, "agree")
    assert review.undo_many(actor, []) == ([], [])
    taken, refused = review.undo_many(actor, given)
    assert (len(taken), refused) == (4, [])
    taken, refused = review.undo_many(actor, given)
    assert (taken, {one.code for one in refused}) == ([], {"review_conflict"})
