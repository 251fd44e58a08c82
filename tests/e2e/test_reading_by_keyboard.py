"""A reader without a pointer: a distance, a finding with a box, its change and its removal."""

import io
import json
import re
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visit
from tests.e2e.test_access import AXE, RULES, wrong
from tests.e2e.test_reader import EXPECTED, FULL, LIST, SLOW, ward
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]
__all__ = ["ward"]

WAYS = {"R": 1, "L": -1, "A": 1, "P": -1, "S": 1, "I": -1}
LINE = (115, 255, 89)
"""The colour of a line that measures."""


@pytest.fixture
def page(ward: Site, visit: Visit) -> Page:
    """A study, opened from the worklist with the keys."""
    window = visit("reader")
    window.expected = EXPECTED
    page = window.page
    page.goto(LIST)
    current = page.locator("tr[data-current]")
    for _row in range(6):
        page.keyboard.press("j")
        if "PAT-0019" in current.inner_text():
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(FULL, timeout=SLOW)
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def place(page: Page) -> list[float]:
    """Where the crosshair is, RAS mm, as the page says it to whole millimetres."""
    said = page.locator("#place").inner_text()
    return [WAYS[way] * float(mm) for way, mm in re.findall(r"([RLAPSI]) (\d+)", said)]


def focused(page: Page) -> Locator:
    return page.locator("*:focus")


def lined(page: Page) -> int:
    """Columns of the viewer in which something has the colour of a line that measures."""
    shot = Image.open(io.BytesIO(page.locator("#volume").screenshot())).convert("RGB")
    return int((np.abs(np.asarray(shot, int) - LINE).max(axis=2) < 12).any(axis=0).sum())


def test_a_distance_is_measured_with_the_keys(page: Page) -> None:
    spoken, hint = page.locator("#spoken"), page.locator("#hint")
    press(page, "n", "o")
    start, bare = place(page), lined(page)
    press(page, "m")
    expect(spoken).to_contain_text("arrow keys move. Axial slice")
    press(page, "Enter", *["ArrowRight"] * 7, "Shift+ArrowRight", *["ArrowUp"] * 4)
    expect(hint).to_contain_text("17.5 mm.")
    went = np.subtract(place(page), start)
    assert went == pytest.approx([-17, 4, 0], abs=0.01)
    expect(spoken).to_contain_text("17.5 mm. Axial slice")
    press(page, "PageUp", "Enter")
    expect(spoken).to_contain_text("go back to the slice of the first end")
    press(page, "PageDown", "Enter")
    expect(spoken).to_have_text(re.compile(r"^Measured: 17\.5 mm\. Axial slice \d+ of 56\.$"))
    assert lined(page) > bare + 30
    press(page, "PageUp")
    assert lined(page) == bare
    press(page, "PageDown")
    press(page, "v", "v", "Enter", "ArrowUp", "ArrowUp", "Enter")
    expect(spoken).to_have_text(re.compile(r"^Measured: 2\.0 mm\. Coronal slice \d+ of 104\.$"))

    press(page, "Enter", "Escape")
    expect(spoken).to_contain_text("Nothing is set any more.")
    expect(page.locator("#tool-measure")).to_have_attribute("aria-pressed", "true")
    press(page, "Escape")
    expect(spoken).to_have_text("Stopped.")
    expect(page.locator("#tool-measure")).to_have_attribute("aria-pressed", "false")


def test_a_finding_is_added_with_a_box_changed_and_removed_with_the_keys(page: Page) -> None:
    spoken, dialog = page.locator("#spoken"), page.locator("#add-dialog")
    press(page, "n", "p", "n")
    expect(spoken).to_contain_text("mm")
    press(page, "b", "Enter")
    expect(spoken).to_contain_text("The first corner is set. Axial slice")
    corner = place(page)
    press(page, "Enter")
    expect(spoken).to_contain_text("at least 1 mm")
    press(page, "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "ArrowDown", "ArrowDown")
    expect(page.locator("#hint")).to_contain_text("20 × 12 mm.")
    press(page, "Enter")
    expect(dialog.locator("#add-place")).to_have_text("16 × 12 × 20 mm")
    expect(dialog.locator("#add-size")).to_have_value("20")
    page.keyboard.type("Lung nod")
    press(page, "Tab", "Tab", "Space", "Enter")
    row = page.locator(".finding", has_text="added by a reader")
    about = row.locator(".finding-about")
    expect(row).to_have_attribute("data-chosen", "")
    expect(about).to_contain_text("20 mm right upper lobe")
    expect(spoken).to_contain_text("In the list now:")
    expect(focused(page)).to_have_id("volume")

    press(page, "z")
    expect(focused(page)).to_have_attribute("name", "size_mm")
    page.evaluate(AXE)
    assert wrong(page.evaluate(f"axe.run(document, {RULES})")) == []
    press(page, "Control+a")
    page.keyboard.type("17")
    press(page, "Enter")
    expect(about).to_contain_text("17 mm right upper lobe")
    expect(focused(page)).to_have_attribute("aria-current", "true")
    press(page, "d")
    expect(focused(page)).to_have_attribute("name", "side")
    page.keyboard.type("Left")
    press(page, "Control+Enter")
    expect(about).to_contain_text("17 mm left added")
    press(page, "e")
    page.keyboard.type("Uncertain")
    press(page, "Control+Enter")
    expect(row.locator(".badge-state")).to_have_text("uncertain")
    press(page, "l", "Space", "Escape")
    expect(row.locator(".finding-form")).to_be_hidden()
    expect(about).to_contain_text("17 mm left added")

    page.reload()
    told = json.loads(page.locator("#viewer-data").text_content() or "")
    boxes = [one["box"] for one in told["findings"] if one["box"]]
    assert len(boxes) == 1
    sides = [high - low for low, high in boxes[0]]
    assert sides == pytest.approx([20, 12, 16], abs=0.1)
    middle = [sum(span) / 2 for span in boxes[0]]
    assert middle == pytest.approx([corner[0] - 10, corner[1] - 6, corner[2]], abs=0.6)

    count = page.locator(".finding").count()
    for _finding in range(count):
        press(page, "n")
        if row.get_attribute("data-chosen") is not None:
            break
    expect(row).to_have_attribute("data-chosen", "")
    press(page, "Delete")
    expect(row).to_have_count(0)
    expect(spoken).to_contain_text("u brings it back")
    press(page, "u")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-chosen", "")
    press(page, "Backspace")
    expect(page.locator(".finding")).to_have_count(count - 1)


def test_the_keys_are_listed_and_rest_while_somebody_writes(page: Page) -> None:
    press(page, "?")
    listed = page.locator("#keyboard-help .keys")
    for key in ("a", "e d l z", "Del", "← ↑ ↓ →", "Enter"):
        expect(listed.locator("kbd", has_text=re.compile(f"^{re.escape(key)}$"))).to_be_visible()
    press(page, "Escape", "e")
    for told in ("#spoken", "#hint"):
        expect(page.locator(told)).to_have_text("Choose a finding first, with n or p.")
    count = page.locator(".finding").count()
    press(page, "/")
    page.keyboard.type("ambez")
    press(page, "Backspace", "Delete")
    expect(page.locator("#search")).to_have_value("ambe")
    expect(page.locator("#add-dialog")).to_be_hidden()
    expect(page.locator("#scene")).not_to_have_attribute("data-drag", re.compile("measure|box"))
    expect(page.locator(".finding")).to_have_count(count)


def test_the_crosshair_stays_on_the_screen_while_the_planes_grow(page: Page) -> None:
    press(page, "v", "n", "o", "m", "Enter", *["ArrowRight"] * 10)
    expect(page.locator("#hint")).to_contain_text("10.0 mm.")
    before, small = place(page), lined(page)
    press(page, *["+"] * 6)
    assert lined(page) > small + 40
    assert place(page) == before
    press(page, *["-"] * 9)
    assert lined(page) == small


def test_a_prior_goes_along_with_the_keys(page: Page) -> None:
    for number in (0, 1):
        page.goto(f"{LIST}?state=all")
        page.get_by_role("link", name=re.compile("PAT-0007")).nth(number).click()
        page.wait_for_selector(FULL, timeout=SLOW)
        if page.locator("#prior").count():
            break
    page.locator("#prior").select_option(index=1)
    page.wait_for_selector("#scene[data-prior=full]", timeout=SLOW)
    page.locator("#prior").blur()
    for key in ("PageUp", "PageUp", "n"):
        before = page.locator("#prior-volume").screenshot()
        press(page, key)
        assert page.locator("#prior-volume").screenshot() != before


def test_a_pointer_still_measures_and_marks_and_is_told_so(page: Page) -> None:
    press(page, "v", "n", "m")
    area = page.locator("#volume").bounding_box()
    assert area is not None
    x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2

    def drag(button: Literal["left", "right"]) -> None:
        page.mouse.move(x - 40, y - 30)
        page.mouse.down(button=button)
        page.mouse.move(x, y, steps=3)
        page.mouse.move(x + 40, y + 30, steps=3)
        page.mouse.up(button=button)

    drag("left")
    expect(page.locator("#spoken")).to_have_text(re.compile(r"^Measured: [1-9]\d+\.\d mm\. Axial"))
    press(page, "b")
    drag("right")
    expect(page.locator("#tool-box")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#add-dialog")).to_be_hidden()
    drag("left")
    expect(page.locator("#add-dialog")).to_be_visible()
    deep, high, wide = map(int, re.findall(r"\d+", page.locator("#add-place").inner_text()))
    assert wide / high == pytest.approx(4 / 3, abs=0.1)
    assert deep == pytest.approx((wide + high) / 2, abs=1)
