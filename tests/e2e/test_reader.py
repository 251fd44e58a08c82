"""A radiologist's path: worklist, volume, sentences, findings, checks, signature, amendment."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from loupe.testing.factories import PASSWORD
from tests.e2e.browser import ROOT
from tests.e2e.conftest import Visit
from tests.e2e.test_access import AXE, RULES, wrong
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

LIST = "/report_gen/p/ward/worklist/"
FULL = "#scene[data-state=full]"
SLOW = 180_000  # drawing is in software, on a machine that others use
EXPECTED = ("GL Driver Message", " 409 ")  # software WebGL is slow; what a test asks for
Reading = Callable[..., Page]


@pytest.fixture(scope="module")
def ward(shop: Site) -> Site:
    """The shop with studies to read."""
    made = subprocess.run(
        [sys.executable, "-m", "tests.e2e.radiology"], env=shop.environment, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(made.stderr[-3000:])
    return shop


@pytest.fixture
def reading(ward: Site, visit: Visit) -> Reading:
    """Opens the worklist as somebody."""

    def look(user: str = "reader", **settings: object) -> Page:
        window = visit(user, **settings)
        window.expected = EXPECTED
        window.page.goto(LIST)
        return window.page

    return look


def opened(page: Page, patient: str, number: int = 0) -> Page:
    page.get_by_role("link", name=re.compile(patient)).nth(number).click()
    page.wait_for_selector(FULL, timeout=SLOW)
    return page


def finding(page: Page, kind: str) -> Locator:
    return page.locator(".finding", has=page.locator("strong", has_text=re.compile(f"^{kind}$")))


def confirm_all(page: Page) -> None:
    while page.locator(".finding .confirm").count():
        before = page.locator(".finding .confirm").count()
        page.locator(".finding .confirm").first.click()
        expect(page.locator(".finding .confirm")).to_have_count(before - 1)


def sign(page: Page, reason: str = "") -> None:
    page.locator("#sign").click()
    if reason:
        page.locator("#sign-reason").fill(reason)
    page.locator("#sign-password").fill(PASSWORD)
    page.locator("#sign-now").click()
    page.wait_for_selector(".signature")


def test_a_study_is_claimed_read_corrected_signed_and_amended(reading: Reading) -> None:
    page = reading()
    page.keyboard.press("j")
    page.keyboard.press("j")
    current = page.locator("tr[data-current]")
    expect(current).to_contain_text("PAT-0007")
    page.keyboard.press("c")
    page.wait_for_selector(FULL, timeout=SLOW)
    expect(page.locator(".holder")).to_contain_text("reader")

    # A sentence leads to its place, and marks its finding.
    before = page.locator("#place").inner_text()
    effusion = page.locator(".part[data-part=findings] .sentence", has_text="").filter(
        has=page.locator(".mark[title^='Pleural effusion']")
    )
    effusion.locator("textarea").click()
    expect(finding(page, "Pleural effusion")).to_have_attribute("data-chosen", "")
    expect(page.locator("#place")).not_to_have_text(before)
    assert "HU" in page.locator("#place").inner_text()
    # Its buttons leave its own words, and the part's button, free.
    acts = effusion.locator(".sentence-acts").bounding_box()
    words = effusion.locator("textarea").bounding_box()
    assert acts is not None
    assert words is not None
    assert acts["y"] + acts["height"] <= words["y"] + 4

    # A finding is changed: sentences contradict it, and nothing can be signed.
    row = finding(page, "Pleural effusion")
    row.get_by_role("button", name="Change", exact=True).first.click()
    row.locator("select[name=side]").select_option("right")
    row.locator("form button[type=submit]").click()
    contradictions = page.locator(".check[data-code=side_contradiction]")
    expect(contradictions).to_have_count(2)
    confirm_all(page)
    expect(page.locator("#sign")).to_be_disabled()
    for left in (1, 0):
        contradictions.first.get_by_role("button", name="Word it anew").click()
        expect(contradictions).to_have_count(left)
    expect(page.locator("#sign")).to_be_enabled()

    # What was changed is marked, and taken back and made again.
    page.get_by_role("tab", name="Differences").click()
    expect(page.locator("#panel-differences ins").first).to_contain_text("right")
    expect(page.locator("#panel-differences del").first).to_contain_text("left")
    page.get_by_role("tab", name="Report").click()
    page.locator("#undo").click()
    expect(contradictions).to_have_count(1)
    page.locator("#redo").click()
    expect(contradictions).to_have_count(0)

    # Typing is kept without a button.
    area = page.locator(".part[data-part=impression] textarea").last
    area.fill(area.input_value() + " Compared with the study before, unchanged.")
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    page.reload()
    expect(page.locator(".part[data-part=impression] textarea").last).to_have_value(
        re.compile("unchanged")
    )

    sign(page)
    expect(page.locator(".signature")).to_contain_text("Rui Wang")
    expect(page.locator("#report textarea")).to_have_count(0)

    page.get_by_role("button", name="Amend", exact=True).click()
    page.locator("#amend-dialog").get_by_role("button", name="Begin").click()
    area = page.locator(".part[data-part=impression] textarea").last
    area.fill("Pleural effusion, right side, as measured.")
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    sign(page, "Wording")
    page.get_by_role("tab", name=re.compile("Versions")).click()
    versions = page.locator(".versions li")
    expect(versions).to_have_count(3)
    expect(versions.first).to_contain_text("Amended")
    expect(versions.first).to_contain_text("Wording")
    expect(page.locator(".chain")).to_contain_text("Every version is what its hash says")
    with page.expect_download() as file:
        page.locator("details.menu", has=page.locator("a[download]")).locator("summary").click()
        page.get_by_role("link", name="PDF").click()
    assert file.value.path().read_bytes().startswith(b"%PDF")


def test_the_viewer_answers_to_keys_and_tools(reading: Reading) -> None:
    page = opened(reading("second"), "PAT-0019")
    page.locator("#volume").focus()
    page.keyboard.press("2")
    expect(page.locator("[data-window=mediastinum]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("v")
    expect(page.locator("[data-planes=axial]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("n")
    expect(page.locator(".finding[data-chosen]")).to_have_count(1)
    before = page.locator("#place").inner_text()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#place")).not_to_have_text(before)
    page.keyboard.press("o")
    expect(page.locator("#tool-masks")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("m")
    expect(page.locator("#hint")).to_contain_text("measure")


def test_a_prior_lies_beside_and_its_report_can_be_read(reading: Reading) -> None:
    page = reading("second")
    page.goto(f"{LIST}?state=all")
    page.get_by_role("link", name=re.compile("PAT-0007")).first.click()
    page.wait_for_selector(FULL, timeout=SLOW)
    if not page.locator("#prior").count():
        page.goto(f"{LIST}?state=all")
        page.get_by_role("link", name=re.compile("PAT-0007")).nth(1).click()
        page.wait_for_selector(FULL, timeout=SLOW)
    page.locator("#prior").select_option(index=1)
    page.wait_for_selector("#scene[data-prior=full]", timeout=SLOW)
    page.get_by_role("tab", name=re.compile("Priors")).click()
    expect(page.locator(".prior")).to_contain_text("signed by Anna Berg")


def test_a_newer_draft_is_compared_row_by_row_and_taken(ward: Site, reading: Reading) -> None:
    page = opened(reading(), "PAT-0019")
    area = page.locator(".part[data-part=findings] textarea").first
    area.fill("A mass that was there in May.")
    expect(page.locator("#saved")).to_have_attribute("data-state", "saved")
    again = subprocess.run(
        [sys.executable, "-m", "tests.e2e.radiology", "again"], env=ward.environment, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr[-2000:]
    page.reload()
    page.locator("#take-newer").click()
    dialog = page.locator("#newer-dialog")
    mine = dialog.locator(".beside-row.by-hand", has_text="A mass that was there in May.")
    expect(mine.locator("input[value=yours]")).to_be_checked()
    expect(dialog.locator(".beside-row", has_text="pleural effusion").first).to_be_visible()
    page.evaluate(AXE)
    assert wrong(page.evaluate(f"axe.run(document, {RULES})")) == []
    mine.locator("input[value=both]").check()
    dialog.get_by_role("button", name="Take the newer draft").click()
    expect(page.locator("#take-newer")).to_have_count(0)
    values = [one.input_value() for one in page.locator(".part[data-part=findings] textarea").all()]
    at = values.index("A mass that was there in May.")
    assert "mass" in values[at + 1]
    page.get_by_role("tab", name=re.compile("Versions")).click()
    expect(page.locator(".versions li")).to_have_count(3)


def test_a_change_that_came_too_late_is_told_and_loses_no_words(reading: Reading) -> None:
    first = opened(reading(), "PAT-0019")
    other = opened(reading(), "PAT-0019")
    first.locator(".finding .confirm").first.click()
    expect(first.locator("#saved")).to_have_attribute("data-state", "saved")
    area = other.locator(".part[data-part=findings] textarea").first
    area.fill("Words that must not be lost.")
    other.locator("#volume").focus()
    expect(other.locator("#conflict")).to_contain_text("changed this report")
    expect(other.locator("#conflict")).to_contain_text("Words that must not be lost.")
    other.get_by_role("button", name="Show the report as it is now").click()
    expect(other.locator("#conflict")).to_be_hidden()


def test_without_webgl_slices_are_shown_and_it_is_said(reading: Reading) -> None:
    page = reading("second")
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.get_by_role("link", name=re.compile("PAT-0019")).click()
    page.wait_for_selector("#scene[data-state=flat]", timeout=SLOW)
    expect(page.locator("#loaded")).to_contain_text("WebGL 2 is missing")
    picture = page.locator("#flat-picture")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("(one) => one.naturalWidth") > 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_reading_breaks_no_accessibility_rule(reading: Reading, theme: str) -> None:
    page = reading("second", theme=theme)
    problems = {}

    def look(name: str) -> None:
        page.evaluate(AXE)
        found = wrong(page.evaluate(f"axe.run(document, {RULES})"))
        if found:
            problems[name] = found

    look("worklist")
    opened(page, "PAT-0019")
    look("study")
    page.get_by_role("tab", name=re.compile("Versions")).click()
    look("versions")
    page.goto("/report_gen/p/ward/reading/")
    look("reading")
    assert problems == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_reading_fits_a_small_window(reading: Reading, language: str) -> None:
    page = reading("second", width=390, height=844, language=language)
    for address in (LIST, f"{LIST}?state=all", "/report_gen/p/ward/reading/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    page.goto(LIST)
    opened(page, "PAT-0019")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
