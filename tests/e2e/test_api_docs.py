"""The documentation page works offline, under its own strict policy."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import watched
from tests.processes import Site

pytestmark = [pytest.mark.e2e, pytest.mark.serial]


def test_page_lists_the_calls_and_asks_nobody_else(site: Site, browser: Browser) -> None:
    found = watched(browser, site.url)
    answer = found.page.goto(f"{site.url}/api/v1/docs/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    scripts = policy.partition("script-src")[2].partition(";")[0]
    assert "'unsafe-inline'" not in scripts
    expect(found.page.locator(".opblock").first).to_be_visible()
    call = found.page.locator("#operations-submissions-submissions_create")
    # Of many calls the page draws those in sight alone.
    for _ in range(1200):
        if call.count():
            break
        found.page.mouse.wheel(0, 600)
        found.page.wait_for_timeout(50)
    expect(call).to_be_visible()
    found.context.close()
    assert found.complaints == []
    assert found.hosts <= {site.url.removeprefix("http://"), ""}
