"""Every page for everyone: screen readers, keyboards, small windows, both themes."""

from importlib.resources import files

import pytest

from tests.e2e.browser import follow
from tests.e2e.conftest import Visit

pytestmark = [pytest.mark.e2e, pytest.mark.serial]

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }"
PAGES = {
    "home": "/p/line-3/",
    "workspace": "/p/line-3/apps/defect_detection/",
    "results": "/p/line-3/apps/defect_detection/results/",
    "jobs": "/p/line-3/jobs/",
    "models": "/p/line-3/models/",
    "upload a model": "/p/line-3/models/defect_detection/upload",
    "schedules": "/p/line-3/schedules/",
    "new schedule": "/p/line-3/schedules/new",
    "settings": "/p/line-3/settings/",
    "members": "/p/line-3/settings/members/",
    "keys": "/p/line-3/settings/keys/",
    "webhooks": "/p/line-3/settings/webhooks/",
    "folders": "/p/line-3/settings/folders/",
    "audit": "/p/line-3/settings/audit/",
    "search": "/p/line-3/search?q=ring",
    "empty home": "/p/empty/",
    "empty results": "/p/empty/apps/defect_detection/results/",
    "two-step sign-in": "/accounts/2fa/",
    "alerts": "/fraud/p/line-3/alerts/?state=all",
    "cases": "/fraud/p/line-3/cases/",
    "a case": "/fraud/p/line-3/cases/1/",
    "entities": "/fraud/p/line-3/entities/",
    "a device": "/fraud/p/line-3/entities/one?type=device&key=phone-7",
    "lists": "/fraud/p/line-3/lists/",
}
CLICKED = {
    "a result": ("/p/line-3/apps/defect_detection/results/?outcome=fail", "td.name a"),
    "a job": ("/p/line-3/jobs/", "td.name a"),
    "a model": ("/p/line-3/models/", "td.name a"),
    "a schedule": ("/p/line-3/schedules/", "td.name a"),
    "a webhook": ("/p/line-3/settings/webhooks/", "td.name a"),
    "an alert": ("/fraud/p/line-3/alerts/", "td.name a"),
}


def wrong(found: dict[str, list[dict[str, object]]]) -> list[str]:
    """What axe found, one line each."""
    return [
        f"{violation['id']}: {[node['html'] for node in violation['nodes']][:3]}"  # type: ignore[attr-defined]
        for violation in found["violations"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_breaks_the_accessibility_rules(visit: Visit, theme: str) -> None:
    page = visit("anna", theme=theme).page
    problems = {}
    for name, (address, link) in {**{n: (a, "") for n, a in PAGES.items()}, **CLICKED}.items():
        page.goto(address)
        if link:
            follow(page, page.locator(link).first)
        page.evaluate(AXE)
        report = page.evaluate(f"axe.run(document, {RULES})")
        assert "color-contrast" in {rule["id"] for rule in report["passes"]}, name
        found = wrong(report)
        if found:
            problems[name] = found
    assert problems == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_is_wider_than_a_small_window(visit: Visit, language: str) -> None:
    page = visit("anna", width=390, height=844, language=language).page
    wide = {}
    for name, (address, link) in {**{n: (a, "") for n, a in PAGES.items()}, **CLICKED}.items():
        page.goto(address)
        if link:
            follow(page, page.locator(link).first)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            wide[name] = width
    assert wide == {}


def test_the_first_tab_offers_to_skip_to_the_content(visit: Visit) -> None:
    page = visit("viewer").page
    page.goto("/p/line-3/jobs/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_every_stop_of_the_tab_key_is_seen(visit: Visit) -> None:
    page = visit("operator").page
    page.goto("/p/line-3/apps/defect_detection/")
    for _stop in range(25):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const at = document.activeElement;
                const shown = at.matches("input.visually-hidden")
                    ? document.querySelector(`label[for="${at.id}"]`) : at;
                const style = getComputedStyle(shown);
                const parent = getComputedStyle(shown.parentElement);
                return at === document.body || style.outlineStyle !== "none" ||
                    style.boxShadow !== "none" || parent.outlineStyle !== "none";
            }"""
        )
        assert seen, page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_in_the_bar_lies_over_anything_else(visit: Visit, language: str) -> None:
    page = visit("anna", language=language).page
    crowded = {}
    for address in ("/p/line-3/", "/fraud/p/line-3/alerts/"):
        page.goto(address)
        for width in (320, 390, 641, 1024, 1199, 1200, 1399, 1400, 1599, 1600, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            found = page.evaluate(
                """() => {
                    const seen = [...document.querySelectorAll(
                        ".bar > *:not(.main-nav):not(.grow), .main-nav > a")]
                        .map((part) => [part.innerText.trim() || part.className,
                                        part.getBoundingClientRect(), part.scrollWidth])
                        .filter(([, box]) => box.width > 0)
                        .sort((one, other) => one[1].left - other[1].left);
                    const wrong = seen.slice(1)
                        .filter(([, box], at) => box.left < seen[at][1].right)
                        .concat(seen.filter(([, box]) => box.right > innerWidth))
                        .concat(seen.filter(([, box, full]) => full > Math.ceil(box.width)));
                    return wrong.map(([name]) => name);
                }"""
            )
            if found:
                crowded[address, width] = found
    assert crowded == {}
