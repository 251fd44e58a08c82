"""An analyst with the keyboard writes a rule, sees what it would have done, and lets it decide."""

import re

import pytest

from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]
DESK = "/fraud/p/line-3/"


def test_a_rule_is_written_corrected_counted_saved_and_let_decide(visit: Visit) -> None:
    page = visit("engineer").page
    page.goto(f"{DESK}rules/")
    page.wait_for_selector("table[data-ready]")
    assert "Counted on" in (page.locator("#count-note").text_content() or "")
    page.get_by_role("link", name="New rule").press("Enter")
    page.get_by_label("Key", exact=True).fill("large_and_shared")
    page.get_by_label("Asks for").select_option("block")
    page.get_by_label("Holds where").focus()
    page.keyboard.type("amount >= 300 EUR and\nfeatures.device_fan > 2")
    page.wait_for_selector("#verdict.wrong")
    assert "Line 2, column 1" in (page.locator("#verdict").text_content() or "")
    page.get_by_label("Find a value").fill("device_fan")
    page.get_by_label("Holds where").fill("amount >= 300 EUR and ")
    page.get_by_role("button", name=re.compile("features.device_fan_in")).press("Enter")
    page.keyboard.type(" > 2")
    page.wait_for_selector("#rule-form[data-counted$='> 2']")
    assert re.fullmatch(r"[\d,]+", page.locator("#rule-form [data-cell=hits]").inner_text())
    page.keyboard.press("Control+Enter")
    page.get_by_text("It decides once you let it").wait_for()
    page.get_by_role("button", name="Let version 1 decide").press("Enter")
    page.get_by_text("Version 1 decides from now on").wait_for()
    page.get_by_role("link", name="Versions").press("Enter")
    page.get_by_text("Added large_and_shared", exact=True).wait_for()


def test_policy_fits_a_phone_in_chinese_and_darkness(visit: Visit) -> None:
    page = visit("engineer", width=390, height=844, theme="dark", language="zh").page
    for place in ("rules/", "rules/edit", "rules/versions", "thresholds/", "scheme/", "rates/"):
        page.goto(DESK + place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, place
        text = page.locator("main").inner_text()
        assert "策略" in text
