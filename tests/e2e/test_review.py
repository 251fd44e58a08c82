"""Looking at a result and deciding, by keyboard alone."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

RESULTS = "/p/line-3/apps/defect_detection/results/"


def open_first(page: Page, query: str = "?outcome=fail&reviewed=no") -> None:
    page.goto(RESULTS + query)
    page.locator("td.name a").first.click()
    page.wait_for_selector("#viewer[data-ready]")


def test_the_picture_shows_its_boxes_and_one_key_hides_them(visit: Visit) -> None:
    page = visit("engineer").page
    open_first(page)
    listed = page.locator("#viewer-list [data-box]").count()
    assert listed > 0
    assert page.locator("#viewer-canvas .box").count() == listed
    assert page.locator("#viewer-canvas .box:visible").count() >= 1
    page.keyboard.press("b")
    assert page.locator("#viewer-canvas .box:visible").count() == 0
    page.keyboard.press("b")
    assert page.locator("#viewer-canvas .box:visible").count() >= 1


def test_a_box_lies_where_the_result_says(visit: Visit) -> None:
    page = visit("engineer").page
    open_first(page)
    # The overlay is laid when the next frame is drawn.
    page.wait_for_function(
        """() => {
            const data = JSON.parse(document.getElementById("viewer-data").textContent).result;
            const best = data.boxes[0];
            const box = document.querySelector("#viewer-canvas .box").getBoundingClientRect();
            const wanted = (best.x2 - best.x1) / (best.y2 - best.y1);
            return box.height > 0 && Math.abs(box.width / box.height / wanted - 1) <= 0.05;
        }"""
    )


def test_a_box_chosen_in_the_list_is_lit_and_flown_to(visit: Visit) -> None:
    page = visit("engineer").page
    open_first(page)
    width = "() => document.querySelector('#viewer-canvas .box').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.locator("#viewer-list button").first.click()
    expect(page.locator("#viewer-canvas .box.lit")).to_have_count(1)
    page.wait_for_function(f"(before) => ({width})() > 1.05 * before", arg=before)


def test_reviewing_needs_only_the_keyboard(visit: Visit) -> None:
    page = visit("engineer").page
    page.goto(RESULTS + "?outcome=fail&reviewed=no")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[data-ready]")
    first = page.url
    page.keyboard.press("n")
    page.keyboard.type("a scratch, seen by eye")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.wait_for_url(lambda address: address != first)
    page.wait_for_selector("#viewer[data-ready]")
    page.keyboard.press("k")
    page.wait_for_load_state()
    page.goto(first)
    history = page.locator(".history")
    expect(history).to_contain_text("engineer")
    expect(history).to_contain_text("a scratch, seen by eye")
    page.keyboard.press("u")
    page.wait_for_selector(".notice")
    expect(page.locator(".history")).to_contain_text("took the last word back")


def test_selected_rows_are_confirmed_together(visit: Visit) -> None:
    page = visit("engineer").page
    page.goto(RESULTS + "?outcome=pass&reviewed=no")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("2 selected")
    page.locator("#bulk").get_by_role("button", name="Confirm").click()
    page.get_by_text("2 results: Confirm.").wait_for()


def test_a_viewer_is_offered_no_verdict(visit: Visit) -> None:
    page = visit("viewer").page
    open_first(page, "")
    assert page.locator("#review").count() == 0


def test_a_tiff_is_shown_in_tiles_cut_by_the_engine(visit: Visit, tmp_path: Path) -> None:
    gradient = (np.mgrid[0:600, 0:800][1] * 80).astype(np.uint16)
    file = tmp_path / "sixteen-bit.tif"
    tifffile.imwrite(file, gradient)
    page = visit("engineer").page
    page.goto("/p/line-3/apps/defect_detection/")
    page.locator("#files").set_input_files(file)
    page.locator("#upload-start").click()
    page.wait_for_url("**/jobs/**")
    page.wait_for_selector("#live[data-state=done]", timeout=180_000)
    page.locator("#live .tile").first.click()
    page.wait_for_selector("#viewer[data-ready]")
    assert page.locator("#viewer").get_attribute("data-kind") == "tiles"
    described = page.locator("#viewer").get_attribute("data-picture")
    found = page.request.get(str(described)).json()
    assert (found["width"], found["height"]) == (800, 600)
    answer = page.request.get(found["address"].replace("LEVEL/COLUMN/ROW", "0/0/0"))
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"
