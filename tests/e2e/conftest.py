"""One running installation full of things to look at, and visitors whose browsers are watched."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from loupe.testing.factories import PASSWORD
from tests.e2e.browser import ROOT, Watched, chromium, sign_in, watched
from tests.processes import Site, running_site

Visit = Callable[..., Watched]


@pytest.fixture(scope="session")
def shop() -> Iterator[Site]:
    """A real installation: web server, broker, worker, engine; seeded, without the probe apps."""
    with running_site(probes=False) as site:
        seeded = subprocess.run(
            [sys.executable, "-m", "tests.e2e.seeding"],
            env=site.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if seeded.returncode:
            raise RuntimeError(f"Seeding failed:\n{seeded.stderr[-3000:]}")
        yield site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with chromium() as running:
        yield running


@pytest.fixture
def visit(shop: Site, browser: Browser) -> Iterator[Visit]:
    """Opens a new visitor's window, signed in where `user` is given.

    When the test ends, no visitor's browser may have complained or asked another machine.
    """
    visitors: list[Watched] = []

    def open_window(user: str = "", **settings: object) -> Watched:
        found = watched(browser, shop.url, **settings)  # type: ignore[arg-type]
        visitors.append(found)
        if user:
            sign_in(found.page, user, PASSWORD)
        return found

    yield open_window
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
    asked = {host for visitor in visitors for host in visitor.hosts} - {""}
    assert asked <= {shop.url.removeprefix("http://")}
