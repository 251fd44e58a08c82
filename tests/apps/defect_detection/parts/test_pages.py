"""The app's own pages: shown to members, hidden from others, with a constant number of queries."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.defect_detection.models import Finding, Product, Station
from loupe.jobs.models import Result
from loupe.testing import factories
from tests.apps.defect_detection.parts.conftest import APP, Plant, picture

PAGES = (
    "parts/",
    "parts/{part}/",
    "quality/",
    "quality/pictures",
    "products/",
    "products/bracket/",
    "stations/",
    "stations/line-1/",
)


def paths(plant: Plant) -> list[str]:
    return [plant.url(page.format(part=plant.part("A0").pk)) for page in PAGES]


def test_every_page_is_shown_to_a_viewer_and_hidden_from_strangers(full: Plant) -> None:
    for path in paths(full):
        assert full.client("viewer").get(path).status_code == 200, path
        assert full.client("stranger").get(path).status_code == 404, path


def test_only_engineers_edit_recipes(full: Plant) -> None:
    path = full.url("products/bracket/recipe")
    assert full.client("operator").get(path).status_code == 403
    assert full.client("engineer").get(path).status_code == 200


@pytest.mark.parametrize("page", ["parts/", "quality/", "quality/pictures", "stations/line-1/"])
def test_queries_do_not_grow_with_the_parts(full: Plant, page: str) -> None:
    client = full.client("viewer")
    path = full.url(page)
    client.get(path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(path)
        return len(asked)

    few = queries()
    full.send(*(picture(f"L3_C{number}_top.jpg", 0.9) for number in range(20)), station="line-1")
    assert queries() == few


def test_empty_pages_say_how_the_first_row_comes(plant: Plant) -> None:
    client = plant.client("viewer")
    assert b"No part yet" in client.get(plant.url("parts/")).content
    assert b"No part in this span" in client.get(plant.url("quality/")).content


def test_the_list_is_filtered_by_what_the_address_says(full: Plant) -> None:
    client = full.client("viewer")

    def serials(query: str) -> set[str]:
        html = client.get(full.url(f"parts/?{query}")).content.decode()
        return set(re.findall(r'title="([AB]\d)"', html))

    assert serials("outcome=fail") == {"A0", "A3"}
    assert serials("lot=L1") == {"A1", "A3", "A5"}
    assert serials("kind=incomplete") == {"B1"}
    assert serials("label=scratch&station=line-1") == {"A0", "A3"}
    assert serials("serial=B") == {"B1"}
    assert serials("since=2020-01-01&until=2020-01-02") == set()
    refused = client.get(full.url("parts/?outcome=perhaps"))
    assert refused.status_code == 400


def test_an_escape_is_reported_and_taken_back(full: Plant) -> None:
    client, part = full.client("operator"), full.part("A1")
    path = full.url(f"parts/{part.pk}/")
    client.post(f"{path}findings", {"label": "crack", "place": "final test"})
    part.refresh_from_db()
    assert (part.outcome, part.escaped, part.label) == ("fail", True, "crack")
    assert b"final test" in client.get(path).content
    assert b"1 of 1 bad" in client.get(full.url("quality/")).content
    finding = Finding.objects.get()
    client.post(f"{path}findings/{finding.pk}/withdraw")
    part.refresh_from_db()
    assert (part.outcome, part.escaped) == ("pass", False)
    assert full.client("viewer").post(f"{path}findings", {"label": "x"}).status_code == 403


def test_a_part_is_judged_as_a_whole(full: Plant) -> None:
    part = full.part("A0")
    answer = full.client("reviewer").post(full.url(f"parts/{part.pk}/judge"), {"verb": "good"})
    assert answer.status_code == 302
    part.refresh_from_db()
    assert (part.outcome, part.overkilled) == ("pass", True)
    assert (
        full.client("operator")
        .post(full.url(f"parts/{part.pk}/judge"), {"verb": "good"})
        .status_code
        == 403
    )


def test_products_and_stations_are_made_on_their_pages(plant: Plant) -> None:
    client = plant.client("engineer")
    made = client.post(plant.url("products/"), {"key": "lid", "name": "Lid"})
    assert made.headers["Location"] == plant.url("products/lid/recipe")
    again = client.post(plant.url("products/"), {"key": "lid", "name": "Lid"})
    assert b"already" in again.content
    client.post(
        plant.url("stations/"), {"key": "line-2", "name": "Line 2", "shift_starts": "05:00, 17:00"}
    )
    client.post(plant.url("stations/line-2/run"), {"product": "lid", "lot": "L5"})
    station = Station.objects.get(key="line-2")
    assert station.product is not None
    assert (station.product.key, station.lot, station.shift_starts) == (
        "lid",
        "L5",
        ["05:00", "17:00"],
    )
    client.post(plant.url("products/lid/change"), {"archived": "yes"})
    assert Product.objects.get(key="lid").archived
    assert plant.client("operator").post(plant.url("products/"), {}).status_code == 403


def test_a_recipe_is_saved_on_its_page_and_a_late_one_is_refused(full: Plant) -> None:
    client, path = full.client("engineer"), full.url("products/bracket/recipe")
    sent = {
        "views": "top, bottom",
        "mm_per_pixel": "0.05",
        "file_names": "{lot}_{serial}_{view}",
        "codes": "off",
        "code_texts": "{serial}",
        "mask_share": "0.5",
        "areas": '{"masks": [{"view": "top", "corners": [[0, 0], [0.5, 0], [0.5, 0.5]]}]}',
        "seen": "1",
    }
    assert client.post(path, sent).status_code == 302
    full.product.refresh_from_db()
    recipe = full.product.recipe
    assert recipe is not None
    point = recipe.operating_point
    assert (recipe.number, point.scope) == (2, "bracket")
    assert point.data["picture"]["masks"][0]["view"] == "top"
    late = client.post(path, sent)
    assert late.status_code == 200
    assert b"Somebody else saved" in late.content
    wrong = client.post(path, {**sent, "seen": "2", "file_names": "{serial}{view}"})
    assert b"nothing between" in wrong.content


def test_a_product_names_the_version_that_decides_now(full: Plant) -> None:
    newer = factories.model_version(full.project, APP, "rings")
    html = full.client("viewer").get(full.url("products/bracket/")).content.decode()
    current = html[html.index("data-current") :].partition("</tr>")[0]
    assert f"<td>{newer}" in current
    assert f"<td>{full.version}" not in current


def test_a_product_counts_the_areas_of_a_recipe_in_words(full: Plant) -> None:
    mask = {"corners": [[0, 0], [0.5, 0], [0.5, 0.5]]}
    for masks in ([mask], [mask, mask]):
        full.recipe(views=["top"], picture={"masks": masks})
    html = full.client("viewer").get(full.url("products/bracket/")).content.decode()
    assert "0 regions · 1 mask<" in html
    assert "0 regions · 2 masks<" in html


def test_the_station_counts_its_shift_and_shows_the_last_part(full: Plant) -> None:
    full.send(picture("L9_Z9_top.jpg", 0.9), station="line-1")
    html = full.client("viewer").get(full.url("stations/line-1/")).content.decode()
    assert '"parts": 8' in html
    assert '"serial": "Z9"' in html
    assert '"outcome": "fail"' in html


def test_the_station_tells_its_state_as_it_changes(full: Plant) -> None:
    answer: Any = full.client("viewer").get(full.url("stations/line-1/events"))
    stream = iter(answer.streaming_content)
    assert next(stream).startswith(b"retry:")
    assert b'"serial":"B1"' in next(stream)
    full.send(picture("L9_Z9_top.jpg", 0.9), station="line-1")
    assert b'"serial":"Z9"' in next(stream)
    assert Result.objects.count() == 14
