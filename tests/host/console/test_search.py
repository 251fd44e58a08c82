"""The bar's search: what apps know by an identifier, beside files and jobs by name."""

from tests.host.console.conftest import House


def test_what_begins_so_is_listed_with_the_way_to_it(house: House) -> None:
    html = house.client("viewer").get(house.url("search?q=b")).content.decode()
    assert '<a href="/dummy_app/about/?batch=b1">Batch 1</a>' in html
    assert '<a href="/dummy_app/about/?batch=b2">Batch 2</a>' in html


def test_the_only_thing_of_that_name_is_opened_at_once(house: House) -> None:
    answer = house.client("viewer").get(house.url("search?q=b2"))
    assert (answer.status_code, answer["Location"]) == (302, "/dummy_app/about/?batch=b2")


def test_a_name_that_a_job_has_too_is_listed_beside_it(house: House) -> None:
    house.job.submission.name = "b2 again"
    house.job.submission.save()
    answer = house.client("viewer").get(house.url("search?q=b2"))
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "Batch 2" in html
    assert "b2 again" in html


def test_nothing_found_says_what_can_be_typed(house: House) -> None:
    html = house.client("viewer").get(house.url("search?q=nowhere")).content.decode()
    assert "Nothing found" in html
    assert "the beginning of an identifier" in html
