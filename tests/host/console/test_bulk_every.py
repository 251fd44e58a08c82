"""The results list: everything that the filters match, said at once, followed, taken back."""

import re

from django.test import Client

from loupe.jobs.models import Result
from loupe.review import bulk_work
from loupe.review.models import BulkReview, Review
from tests.host.console.conftest import House


def say_every(client: Client, house: House, **more: object) -> str:
    found = client.get(house.app("results/matching")).json()
    answer = client.post(
        house.app("results/bulk"),
        {"verb": "agree", "every": "yes", "newest": found["newest"], **more},
        follow=True,
    )
    return answer.content.decode()


def work() -> BulkReview:
    call = BulkReview.objects.get()
    bulk_work.work(call.pk, 60)
    call.refresh_from_db()
    return call


def test_the_list_offers_all_that_match_and_counts_them(house: House) -> None:
    client = house.client("reviewer")
    page = client.get(house.app("results/")).content.decode()
    address = re.search(r'id="bulk-every" data-from="([^"]+)"', page)
    assert address is not None
    found = client.get(address[1]).json()
    rows = Result.objects.filter(project=house.project)
    assert found == {"count": rows.count(), "newest": rows.latest("pk").pk}
    narrowed = client.get(house.app("results/matching"), {"q": "part-1"}).json()
    names = rows.values_list("item__input__name", flat=True)
    assert narrowed["count"] == sum("part-1" in name for name in names) < found["count"]


def test_a_call_about_all_shows_its_progress_and_its_end(house: House) -> None:
    client = house.client("reviewer")
    page = say_every(client, house, note="Polishing marks")
    assert 'data-state="running"' in page
    assert "hx-get" in page[page.index('id="bulk-live"') :][:300]
    call = work()
    live = client.get(house.app(f"results/bulk/{call.pk}/live")).content.decode()
    assert f"{call.total} results: Agree." in live
    assert "hx-get" not in live
    assert 'id="bulk-undo"' in live
    assert Review.objects.filter(note="Polishing marks").count() == call.total


def test_the_filters_of_the_list_are_the_filters_of_the_call(house: House) -> None:
    client = house.client("reviewer")
    say_every(client, house, back="q=part-1")
    work()
    names = set(Review.objects.values_list("result__item__input__name", flat=True))
    assert names
    assert all("part-1" in name for name in names)


def test_undo_and_cancel_are_offered_to_who_made_the_call_alone(house: House) -> None:
    client = house.client("reviewer")
    say_every(client, house)
    call = work()
    other = house.client("engineer")
    assert 'id="bulk-live"' not in other.get(house.app("results/")).content.decode()
    for verb in ("undo", "cancel", "live"):
        method = other.get if verb == "live" else other.post
        assert method(house.app(f"results/bulk/{call.pk}/{verb}")).status_code == 404
    page = client.post(house.app(f"results/bulk/{call.pk}/undo"), follow=True).content.decode()
    assert 'data-state="undoing"' in page
    call = work()
    assert call.taken_back == call.given
    assert not Result.objects.filter(reviewed=True).exists()
    told = client.get(house.app("results/")).content.decode()
    assert f"{call.given} calls were taken back." in told
    assert 'id="bulk-undo"' not in told


def test_a_running_call_can_be_cancelled(house: House) -> None:
    client = house.client("reviewer")
    say_every(client, house)
    call = BulkReview.objects.get()
    page = client.post(house.app(f"results/bulk/{call.pk}/cancel"), follow=True).content.decode()
    assert "Cancelled; what was said until then stands." in page
    work()
    assert not Review.objects.exists()
    again = client.post(house.app(f"results/bulk/{call.pk}/cancel"), follow=True).content.decode()
    assert "bulk_ended" in again


def test_a_call_about_a_page_takes_the_place_of_one_about_all(house: House) -> None:
    client = house.client("reviewer")
    say_every(client, house)
    work()
    first = Result.objects.filter(job=house.job).earliest("pk").pk
    page = client.post(
        house.app("results/bulk"), {"verb": "agree", "result": [first]}, follow=True
    ).content.decode()
    assert "1 result: Agree." in page
    assert 'id="bulk-live"' not in page


def test_viewers_and_strangers_get_nothing(house: House) -> None:
    assert house.client("viewer").get(house.app("results/matching")).status_code == 403
    assert house.client("stranger").get(house.app("results/matching")).status_code == 404
    say_every(house.client("reviewer"), house)
    call = BulkReview.objects.get()
    assert house.client("viewer").post(house.app(f"results/bulk/{call.pk}/undo")).status_code == 403


def test_nonsense_instead_of_the_newest_result_is_said(house: House) -> None:
    client = house.client("reviewer")
    for newest in ("", "x", "9" * 30):
        answer = client.post(
            house.app("results/bulk"),
            {"verb": "agree", "every": "yes", "newest": newest},
            follow=True,
        )
        assert "nothing_selected" in answer.content.decode()
    assert not BulkReview.objects.exists()
