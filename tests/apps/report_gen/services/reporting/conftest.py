"""A reading desk for every test here."""

import pytest

from tests.apps.report_gen.desk import Desk


@pytest.fixture
def desk(db: None) -> Desk:
    """A project with people of every role."""
    return Desk()
