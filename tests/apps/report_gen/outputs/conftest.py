"""One study for the tests that only read it."""

import pytest

from tests.apps.report_gen.outputs.made import Made, study


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A straight series and its masks."""
    return study(tmp_path_factory.mktemp("outputs"))
