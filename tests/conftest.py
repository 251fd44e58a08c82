"""What every test may use. Fixtures of one package live in that package's conftest."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import HealthCheck, settings

from tests.postgres import running_postgres
from tests.processes import Site, running_site

if not Path("/dev/nvidia0").exists():
    # Triton reads it when it is imported, and libraries that many tests load import it.
    os.environ["TRITON_INTERPRET"] = "1"

# The same examples in every run, however slow the machine is: a failure is always found again.
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("same")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Whatever language a page was asked for in, the next test hears none of it."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A ready installation of real processes, shared by the whole run: leave its parts alive."""
    with running_site() as running:
        yield running


@pytest.fixture
def own_site() -> Iterator[Site]:
    """A ready installation for one test, whose parts it may kill."""
    with running_site() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server's URL; make databases with `tests.postgres.fresh_database`."""
    with running_postgres() as url:
        yield url
