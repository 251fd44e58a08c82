"""A part goes past the camera: the screen beside the line shows it, and a person decides."""

import pytest
from playwright.sync_api import expect

from loupe.testing.factories import PASSWORD
from tests.apps.defect_detection.pictures import SAMPLES
from tests.e2e.browser import sign_in
from tests.e2e.conftest import Visit
from tests.host.api.server import http, new_key
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

OWN = "/defect_detection/p/line-3/"
INSPECT = "/api/v1/defect_detection/inspect"


def test_a_picture_that_names_its_station_is_on_the_screen_at_once(
    shop: Site, visit: Visit
) -> None:
    page = visit("reviewer").page
    page.goto(f"{OWN}stations/line-3b/")
    page.wait_for_selector("#drawing image")
    parts = int(page.locator('[data-count="parts"]').inner_text())
    with http(shop, new_key(shop, "line-3")) as client:
        for view in ("top", "bottom"):
            with (SAMPLES / "brushed-scratch.jpg").open("rb") as picture:
                answer = client.post(
                    f"{INSPECT}?deadline_ms=30000",
                    data={"station": "line-3b", "view": view, "serial": "E2E-1", "lot": "L-1107"},
                    files={"file": (f"{view}.jpg", picture)},
                )
            assert answer.status_code == 200, answer.text
    page.wait_for_selector("#serial:text('E2E-1')")
    page.wait_for_selector("#views li:nth-child(2) button")
    outcome = answer.json()["outcome"]
    assert outcome != "pass"
    expect(page.locator("#station")).to_have_attribute("data-outcome", outcome)
    expect(page.locator("#drawing .mark").first).to_be_attached()
    expect(page.locator('[data-count="parts"]')).to_have_text(str(parts + 1))
    page.locator("#judge .judge-good").click()
    page.wait_for_selector('#station[data-outcome="pass"]')
    expect(page.locator("#judge")).to_be_hidden()
    page.goto(f"{OWN}parts/?kind=overkilled&serial=E2E")
    if outcome == "fail":
        expect(page.locator("td.name a")).to_have_text("E2E-1")


def test_a_mask_is_drawn_with_the_pointer_and_saved(visit: Visit) -> None:
    page = visit().page
    sign_in(page, "engineer", PASSWORD)
    page.goto(f"{OWN}products/ring-6204/recipe")
    page.wait_for_selector("#stage polygon.mask")
    before = page.locator("#stage polygon.mask").count()
    page.locator('[data-tool="mask"]').click()
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=3)
    page.mouse.up()
    expect(page.locator("#stage polygon.mask")).to_have_count(before + 1)
    page.locator("#undo").click()
    expect(page.locator("#stage polygon.mask")).to_have_count(before)
    page.locator("#add-mask").click()
    page.locator("form#recipe .btn-primary").click()
    page.wait_for_selector("tr[data-current]")
    expect(page.locator("tr[data-current]")).to_contain_text(f"{before + 1} masks")


def test_the_pictures_behind_a_bar_are_shown(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto(f"{OWN}quality/")
    page.wait_for_selector("#chart-days svg")
    page.locator(".paretos summary").first.click()
    page.locator(".bar-link").first.click()
    page.wait_for_selector("#pictures .tile img")
    assert page.locator("#pictures .tile").count() >= 1
