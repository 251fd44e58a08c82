"""Labelling pictures in a browser: drawing, keys, proposals, two people at once, a broken line."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browser import PASSWORD, Watched, sign_in, watched
from tests.e2e.conftest import Visit
from tests.e2e.test_access import AXE, RULES, wrong
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]


@pytest.fixture
def labels(shop: Site) -> str:
    """The address of a dataset's annotation page; its records are as they were seeded."""
    found = shop.python(
        "import django; django.setup();"
        "from loupe.datasets.models import Dataset;"
        "print(Dataset.objects.get(name='rings-2026').pk)"
    )
    return f"/p/line-3/datasets/{found.strip()}/label/"


def open_todo(page: Page, labels: str) -> None:
    page.goto(labels)
    page.wait_for_selector("#annotate[data-ready]")


def draw(page: Page, x: float, y: float, width: float = 90, height: float = 70) -> None:
    """Drag over the picture; shares of its place on the page."""
    frame = page.locator(".boxes-surface").bounding_box()
    assert frame is not None
    left, top = frame["x"] + frame["width"] * x, frame["y"] + frame["height"] * y
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + width, top + height, steps=4)
    page.mouse.up()


def boxes(page: Page) -> Locator:
    return page.locator("[data-part=boxes] > li")


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")


def test_a_box_is_drawn_named_copied_moved_undone_and_saved_by_itself(
    visit: Visit, labels: str
) -> None:
    page = visit("reviewer").page
    open_todo(page, labels)
    address = page.url
    draw(page, 0.3, 0.3)
    page.keyboard.press("3")
    expect(boxes(page)).to_have_count(1)
    expect(boxes(page).first).to_contain_text("inclusion")
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(boxes(page)).to_have_count(2)
    left = boxes(page).nth(1).locator("[data-field=x1]")
    before = float(left.input_value())
    page.keyboard.press("Shift+ArrowRight")
    assert float(left.input_value()) == pytest.approx(before + 10)
    page.keyboard.press("Control+z")
    assert float(left.input_value()) == pytest.approx(before)
    page.keyboard.press("Delete")
    expect(boxes(page)).to_have_count(1)
    saved(page)
    page.goto(address)
    page.wait_for_selector("#annotate[data-ready]")
    expect(boxes(page)).to_have_count(1)
    expect(page.locator("#changes")).to_contain_text("reviewer")
    expect(page.locator("[data-show=state]")).to_have_text("Labelled")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda now: now != address)


def test_a_box_can_be_added_placed_and_named_without_a_mouse(visit: Visit, labels: str) -> None:
    page = visit("reviewer").page
    open_todo(page, labels)
    page.keyboard.press("i")
    row = boxes(page).first
    row.locator("select").select_option("crack")
    for field, value in {"x1": "10", "y1": "20", "x2": "110", "y2": "90"}.items():
        row.locator(f"[data-field={field}]").fill(value)
        row.locator(f"[data-field={field}]").blur()
    expect(row).to_contain_text("100 × 70")
    saved(page)
    with page.expect_response(re.compile("/save")) as answer:
        row.locator("[data-do=delete]").press("Enter")
        expect(boxes(page)).to_have_count(0)
    assert answer.value.ok
    saved(page)


def asked(page: Page) -> None:
    """Ask for proposals; an engine that is still loading the model may be asked again."""
    for _ in range(6):
        with page.expect_response(re.compile("/propose")) as answer:
            page.keyboard.press("p")
        if answer.value.ok:
            break
    expect(page.locator("#proposed")).to_contain_text("propose")


def test_what_the_model_proposes_is_accepted_by_key(visit: Visit, labels: str) -> None:
    window = visit("engineer")
    window.expected = ("status of 503", "status of 504")  # asked again below
    page = window.page
    open_todo(page, labels)
    for _ in range(6):
        shown = page.locator("#annotate").get_attribute("data-ready") or ""
        asked(page)
        if ghosts := page.locator("[data-part=ghosts] > li").count():
            break
        page.keyboard.press("j")
        expect(page.locator("#annotate")).not_to_have_attribute("data-ready", shown)
        expect(page.locator("#proposed")).to_have_text("")
    assert ghosts > 0
    page.locator("[data-do=accept]").first.click()
    page.keyboard.press("a")
    expect(page.locator("[data-part=ghosts] > li")).to_have_count(0)
    expect(boxes(page)).to_have_count(ghosts)
    saved(page)
    expect(page.locator("#changes")).to_contain_text("Accepted from a model")


@pytest.fixture
def pair(shop: Site, browser: Browser) -> Iterator[tuple[Watched, Watched]]:
    """Two people with windows of their own; a refused save is a complaint of the browser here."""
    windows = watched(browser, shop.url), watched(browser, shop.url)
    for window, name in zip(windows, ("anna", "reviewer"), strict=True):
        sign_in(window.page, name, PASSWORD)
    yield windows
    for window in windows:
        window.context.close()


def test_two_people_at_once_and_a_line_that_is_down_lose_nothing(
    pair: tuple[Watched, Watched], labels: str
) -> None:
    first, second = (window.page for window in pair)
    open_todo(first, labels)
    second.goto(first.url)
    second.wait_for_selector("#annotate[data-ready]")
    expect(second.locator("[data-show=others]")).to_contain_text("anna")
    # Each window asks now and then who else is there, and would hear of the other's box so.
    second.route(re.compile("/here"), lambda route: route.abort())
    draw(first, 0.3, 0.3)
    saved(first)
    draw(second, 0.5, 0.6)
    expect(second.locator("#conflict")).to_contain_text("anna")
    expect(boxes(second)).to_have_count(1)
    second.locator("[data-settle=both]").click()
    expect(boxes(second)).to_have_count(2)
    saved(second)
    pair[1].context.set_offline(True)
    draw(second, 0.4, 0.7)
    expect(second.locator("#saved")).to_have_attribute("data-state", "offline")
    expect(second.locator("#saved")).to_contain_text("device")
    pair[1].context.set_offline(False)
    saved(second)
    first.reload()
    first.wait_for_selector("#annotate[data-ready]")
    expect(boxes(first)).to_have_count(3)
    expect(first.locator("#changes")).to_contain_text("reviewer")


def test_a_correction_in_review_is_stored_with_the_call_and_lands_in_the_dataset(
    visit: Visit,
) -> None:
    page = visit("engineer").page
    page.goto("/p/line-3/apps/defect_detection/results/?outcome=fail&reviewed=no")
    page.locator("td.name a").first.click()
    page.wait_for_selector("#viewer[data-ready]")
    here = page.url
    page.keyboard.press("e")
    page.wait_for_selector(".boxes-surface")
    found = boxes(page).count()
    draw(page, 0.35, 0.5)
    page.keyboard.press("2")
    expect(boxes(page).last).to_contain_text("pit")
    expect(page.locator("#corrected")).to_be_visible()
    page.locator("#correct-done").click()
    page.keyboard.press("3")
    page.wait_for_url(lambda now: now != here)
    page.goto(here)
    page.locator(".history a").click()
    page.wait_for_selector("#annotate[data-ready]")
    expect(boxes(page)).to_have_count(found + 1)
    expect(page.locator("#changes")).to_contain_text("Corrected in review")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_labelling_breaks_no_accessibility_rule(visit: Visit, labels: str, theme: str) -> None:
    page = visit("engineer", theme=theme).page
    open_todo(page, labels)
    page.keyboard.press("i")
    saved(page)
    page.evaluate(AXE)
    assert wrong(page.evaluate(f"axe.run('#annotate', {RULES})")) == []
    page.keyboard.press("Control+z")
    saved(page)
