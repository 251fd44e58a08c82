"""From dropped files to decisions, with the real worker and engine."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import ROOT
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

SAMPLES = sorted((ROOT / "apps/defect_detection/samples").glob("*.jpg"))
WORKSPACE = "/p/line-3/apps/defect_detection/"
DONE = "#live[data-state=done]"


def job_done(page: Page) -> None:
    page.wait_for_url("**/jobs/**")
    page.wait_for_selector(DONE, timeout=180_000)


def test_dropped_pictures_become_results_while_one_watches(visit: Visit) -> None:
    page = visit("operator").page
    page.goto(WORKSPACE)
    page.locator("#files").set_input_files(SAMPLES[:5])
    expect(page.locator("#upload-list li")).to_have_count(5)
    page.locator("#upload-list li button").first.click()
    expect(page.locator("#upload-list li")).to_have_count(4)
    page.locator("#job-name").fill("Lot 2001")
    page.locator("#upload-start").click()
    job_done(page)
    assert page.locator("h1").inner_text() == "Lot 2001"
    expect(page.locator(".figures dd").first).to_have_text("4 / 4")
    expect(page.locator("#live .tile")).to_have_count(4)
    page.get_by_role("link", name="Show results").click()
    expect(page.locator("tr[data-row]")).to_have_count(4)


def test_files_dropped_from_the_desktop_are_taken(visit: Visit) -> None:
    page = visit("operator").page
    page.goto(WORKSPACE)
    data = page.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            const name = "from the desktop.jpg";
            transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
            return transfer;
        }""",
        list(SAMPLES[0].read_bytes()),
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": data})
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    page.wait_for_selector("#upload-list li")
    assert "from the desktop.jpg" in page.locator("#upload-list li").inner_text()
    page.locator("#upload-start").click()
    job_done(page)
    assert page.locator("h1").inner_text() == "from the desktop.jpg"


def test_a_zip_with_one_broken_picture_finishes_the_rest_and_names_it(
    visit: Visit, tmp_path: Path
) -> None:
    archive = tmp_path / "night.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for sample in SAMPLES[:2]:
            target.write(sample, f"cam1/{sample.name}")
        target.writestr("cam1/cut-short.jpg", SAMPLES[2].read_bytes()[:4000])
    page = visit("operator").page
    page.goto(WORKSPACE)
    page.locator("#files").set_input_files(archive)
    page.locator("#upload-start").click()
    job_done(page)
    expect(page.locator(".figures dd").first).to_have_text("3 / 3")
    expect(page.locator("section:has(#failures)")).to_contain_text("cut-short.jpg")
    page.get_by_role("button", name="Retry these").wait_for()
    page.reload()
    page.locator(".dot.failed + strong, .key-list strong").first.wait_for()


def test_a_file_that_is_no_picture_is_refused_beside_its_name(visit: Visit, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no picture")
    window = visit("operator")
    window.expected = ("status of 400",)  # the browser itself tells of the refusal
    page = window.page
    page.goto(WORKSPACE)
    page.locator("#files").set_input_files(wrong)
    page.locator("#upload-start").click()
    page.wait_for_selector("#upload-list .why-not")
    assert "notes.txt" in page.locator("#upload-list").inner_text()
    page.locator("#upload-clear").click()
    expect(page.locator("#upload-status")).to_be_hidden()


def test_a_second_window_and_a_reload_show_the_same_truth(visit: Visit) -> None:
    first = visit("operator").page
    first.goto(WORKSPACE)
    first.locator("#files").set_input_files(SAMPLES[:3])
    first.locator("#upload-start").click()
    first.wait_for_url("**/jobs/**")
    second = visit("viewer").page
    second.goto(first.url)
    for page in (first, second):
        page.wait_for_selector(DONE, timeout=180_000)
        expect(page.locator(".figures dd").first).to_have_text("3 / 3")
    expect(second.get_by_role("button", name="Cancel")).to_have_count(0)
