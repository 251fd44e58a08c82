"""An engineer promises a limit and lets the fitted point decide, by keyboard alone."""

import re

import pytest

from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]


def test_a_limit_is_promised_certified_and_set_by_keyboard(visit: Visit) -> None:
    page = visit("engineer").page
    page.goto("/p/line-3/models/")
    page.get_by_role("link", name="rings").first.click()
    page.get_by_role("link", name="Curve, limits and change").press("Enter")
    page.wait_for_selector("#curve-data", state="attached")

    slider = page.get_by_label("Threshold to look at")
    before = page.locator("#read-escape").text_content()
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#read-escape").text_content() == "100 %" != before
    page.keyboard.press("Home")
    assert page.locator("#read-threshold").text_content() == "0.01"
    assert re.search(r"\d+ / 600", page.locator("#read-escape-more").text_content() or "")
    # What the past would have been comes by itself and joins the readout.
    page.wait_for_selector("#read-past:not([hidden])")

    page.get_by_label("Escape at most", exact=True).focus()
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    proposal = page.locator(".proposal")
    proposal.wait_for()
    assert "certified" in (proposal.text_content() or "")
    assert "not certified" not in (proposal.text_content() or "")
    page.get_by_label("Why").focus()
    page.keyboard.type("Audit of week 47")
    page.keyboard.press("Enter")
    page.get_by_text("decides from now on").wait_for()
    assert "Audit of week 47" in (page.locator(".point-past").text_content() or "")
    assert page.locator(".proposal").count() == 0
    page.get_by_role("link", name=re.compile(r"^rings v")).click()
    page.get_by_text("Escape at most 3 %").wait_for()


def test_a_viewer_sees_the_curve_and_sets_nothing(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto("/p/line-3/models/")
    page.get_by_role("link", name="rings").first.click()
    page.get_by_role("link", name="Curve and limits").click()
    page.wait_for_selector("#curve-data", state="attached")
    page.get_by_label("Escape at most", exact=True).fill("3")
    page.get_by_role("button", name="Find the point").click()
    page.locator(".proposal").wait_for()
    assert page.get_by_role("button", name="Let it decide").count() == 0
