"""A headless Chromium that notes every console complaint and every address it asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "correct horse battery"  # as loupe.testing.factories gives it to everybody
PATIENCE_MS = 60_000
"""How long a page may take to show what it will show: workers, the engine and the browser share
two cores with whatever else runs. No test waits longer than it has to."""


@dataclass
class Watched:
    """A page together with what it complained about and whom it asked.

    `expected`: words of complaints that belong to what a test does, such as an answer of 400.
    """

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    expected: tuple[str, ...] = ()

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error or a warning of the console."""
        if message.type not in {"error", "warning"}:
            return
        if not any(words in message.text for words in self.expected):
            self.complaints.append(f"{message.type}: {message.text}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def watched(
    browser: Browser,
    url: str,
    *,
    width: int = 1440,
    height: int = 900,
    theme: str = "light",
    language: str = "en",
) -> Watched:
    """A fresh context, as of a new visitor with this window, theme and language."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale="zh-CN" if language.startswith("zh") else "en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    found = Watched(page=page, context=context)
    page.on("console", found.hear)
    page.on("pageerror", lambda error: found.complaints.append(f"exception: {error}"))
    page.on("request", lambda request: found.hosts.add(urlsplit(request.url).netloc))
    return found


def sign_in(page: Page, username: str, password: str) -> None:
    """Through the sign-in page, as a person does."""
    page.goto("/accounts/login/")
    page.locator("#id_login").fill(username)
    page.locator("#id_password").fill(password)
    page.locator("form:has(#id_login) button[type=submit]").click()
    page.wait_for_url(lambda address: "/accounts/login" not in address)


def follow(page: Page, link: Locator) -> None:
    """Click a link, and wait until the page it leads to is loaded and asks for nothing more."""
    address = str(link.evaluate("(one) => one.href"))
    link.click()
    page.wait_for_url(address, wait_until="networkidle")
