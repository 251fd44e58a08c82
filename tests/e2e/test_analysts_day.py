"""An analyst's path: from the queue to an alert, a case, a note and a word, by keyboard."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

DESK = "/fraud/p/line-3/"


def test_an_alert_becomes_a_case_with_a_note_and_a_word(visit: Visit) -> None:
    page = visit("reviewer").page
    page.goto(f"{DESK}alerts/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#call")
    name = page.locator("h1").inner_text()
    assert page.locator("#reasons li").count() >= 1
    page.keyboard.press("4")
    page.wait_for_url("**/cases/**")
    address = page.url
    assert name.split()[-1] in page.locator("main").inner_text()
    page.keyboard.press("n")
    page.keyboard.type("Called: she paid in Berlin while the card was in Lyon.")
    page.get_by_role("button", name="Write down").click()
    page.get_by_text("she paid in Berlin").wait_for()
    page.keyboard.press("1")
    page.get_by_text("its transactions are labelled").wait_for()
    assert page.url == address
    history = page.locator(".history").inner_text()
    assert "closed it" in history
    assert page.locator(".head").get_by_text("Fraud", exact=True).count() == 1
    table = page.locator("table.list").last
    assert "Fraud" in table.inner_text()


def test_one_key_closes_the_row_one_stands_on(visit: Visit) -> None:
    page = visit("reviewer").page
    page.goto(f"{DESK}alerts/")
    open_before = int(page.locator(".figures dd").first.inner_text())
    page.keyboard.press("j")
    page.keyboard.press("2")
    page.get_by_text("1 alert closed.").wait_for()
    assert int(page.locator(".figures dd").first.inner_text()) == open_before - 1


def test_chosen_rows_become_one_case(visit: Visit) -> None:
    page = visit("reviewer").page
    page.goto(f"{DESK}alerts/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("2 selected")
    page.keyboard.press("4")
    page.wait_for_url("**/cases/**")
    expect(page.locator(".alert-cards > li")).to_have_count(2)


def test_the_graph_shows_who_shares_and_grows_on_a_click(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto(f"{DESK}entities/?q=phone-7&type=device")
    page.locator("td.name a", has_text="phone-7").first.click()
    page.wait_for_selector("#graph[data-ready]")
    assert page.locator("#graph canvas").count() >= 1
    chips = page.locator("#graph-types .chip")
    assert set(chips.all_inner_texts()) == {"Customer", "Device"}
    page.locator("#graph").scroll_into_view_if_needed()
    said = page.locator("#graph-said", has_text="phone-7")
    for _try in range(60):
        # What lies under a pointer is told when it moves; the page may have moved meanwhile.
        box = page.locator("#graph").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if said.count():
            break
        page.wait_for_timeout(500)
    expect(said).to_be_visible()


def test_a_case_is_downloaded_as_pdf_and_xml(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto(f"{DESK}cases/1/")
    page.locator("details.menu summary", has_text="Export").click()
    for name, start in (("PDF", b"%PDF"), ("XML", b"<?xml")):
        with page.expect_download() as loading:
            page.locator(".sheet a", has_text=name).click()
        assert loading.value.path().read_bytes().startswith(start)


@pytest.mark.parametrize("width", [1440, 1280, 1024, 900])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_list_of_the_desk_is_cut_on_the_right(visit: Visit, width: int, language: str) -> None:
    page = visit("reviewer", width=width, height=768, language=language).page
    for rest in ("alerts/", "cases/?state=all", "entities/"):
        page.goto(DESK + rest)
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')].map(it => it.scrollWidth - it.clientWidth)"
        )
        assert max(cut) <= 0, (rest, cut)


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_no_page_of_the_desk_is_wider_than_the_window(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("reviewer", width=size[0], height=size[1], language="zh").page
    for rest in ("alerts/", "cases/", "cases/1/", "entities/", "lists/"):
        page.goto(DESK + rest)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), rest
