"""A client of the running installation."""

from collections.abc import Iterator

import pytest

from loupe.client import Loupe
from tests.host.api.server import new_key
from tests.processes import Site


@pytest.fixture(scope="module")
def loupe(site: Site) -> Iterator[Loupe]:
    with Loupe(site.url, new_key(site, "client")) as client:
        yield client
