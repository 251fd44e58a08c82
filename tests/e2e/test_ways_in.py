"""A large file that is paused and goes on after a reload; many results judged by keyboard."""

import io
import re
import tarfile
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Page, Route, expect

from apps.defect_detection.training.surfaces import draw
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

APP = "/p/line-3/apps/defect_detection/"
PART = 8 * 2**20


def archive(path: Path) -> Path:
    """A tar of two parts and a bit: one picture, and something no app takes."""
    done, picture = cv2.imencode(".png", draw(7).image)
    assert done
    with tarfile.open(path, "w") as tar:
        for name, data in (("ring-a.png", picture.tobytes()), ("notes.bin", bytes(2 * PART))):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def choose(page: Page, path: Path) -> None:
    page.goto(APP)
    page.set_input_files("#files", path)
    expect(page.locator("#upload-list")).to_contain_text(path.name)
    page.locator("#upload").evaluate("(form) => { form.dataset.partsFrom = 1000 }")


def test_a_large_upload_is_paused_and_goes_on_after_a_reload(visit: Visit, tmp_path: Path) -> None:
    page = visit("operator").page
    path = archive(tmp_path / "boards.tar")
    sent: list[str] = []

    def second_part_hangs(route: Route) -> None:
        if route.request.method == "PATCH":
            sent.append(route.request.headers["upload-offset"])
            if len(sent) == 2:
                return
        route.continue_()

    page.route(re.compile("/api/v1/uploads"), second_part_hangs)
    choose(page, path)
    page.click("#upload-start")
    expect(page.locator("#upload-bar")).to_have_attribute("value", re.compile(r"0\.[2-9]"))
    page.wait_for_function("() => document.getElementById('upload-pause').hidden === false")
    while len(sent) < 2:
        page.wait_for_timeout(20)
    page.click("#upload-pause")
    expect(page.locator("#upload-title")).to_contain_text("stays on the server")
    expect(page.locator("#upload-pause")).to_have_attribute("aria-pressed", "true")
    page.unroute_all(behavior="ignoreErrors")

    page.goto(APP)
    waiting = page.locator("[data-upload]", has_text="boards.tar")
    expect(waiting).to_contain_text("8.0")
    again: list[str] = []
    page.on(
        "request",
        lambda request: (
            again.append(request.headers["upload-offset"]) if request.method == "PATCH" else None
        ),
    )
    choose(page, path)
    page.click("#upload-start")
    page.wait_for_url(re.compile("/jobs/"))
    assert again == [str(PART), str(2 * PART)]
    expect(page.locator("#live")).to_contain_text("unsupported_type")
    page.goto(APP)
    expect(page.locator("[data-upload]")).to_have_count(0)


def test_many_results_are_judged_and_taken_back_by_keyboard(visit: Visit) -> None:
    page = visit("reviewer").page
    page.goto(f"{APP}results/?reviewed=no&q=1107-000")
    names = page.locator("tr[data-row] td.name a")
    before = names.all_inner_texts()
    for key in ("j", "j", "x", "Shift+J", "Shift+J"):
        page.keyboard.press(key)
    expect(page.locator("#bulk-count")).to_have_text("3 selected")
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("2 selected")
    key = page.locator("#bulk button[data-key]").first.get_attribute("data-key") or ""
    page.keyboard.press(key)
    expect(page.locator("#bulk-undo")).to_contain_text("2 results")
    expect(names.nth(0)).to_have_text(before[0])
    expect(names.nth(1)).to_have_text(before[2])
    page.keyboard.press("u")
    expect(page.locator("#bulk-undo")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("2 calls were taken back.")
    expect(names).to_have_text(before)
    page.locator("input[data-pick]").nth(0).click()
    page.locator("input[data-pick]").nth(4).click(modifiers=["Shift"])
    expect(page.locator("#bulk-count")).to_have_text("5 selected")
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page.locator("#bulk")).to_be_hidden()
