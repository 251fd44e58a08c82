"""A ward whose studies are asked for by REST: people of every role, keys, private files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.report_gen.models import Study
from loupe.api import limits
from tests.apps.report_gen.api.asking import Asking
from tests.apps.report_gen.desk import Desk
from tests.apps.report_gen.services.conftest import place

__all__ = ["place"]


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    limits.set_rate(100_000)
    yield
    limits.set_rate(10_000)


@pytest.fixture
def desk(db: None, place: Path) -> Desk:
    return Desk()


@pytest.fixture
def study(desk: Desk) -> Study:
    return desk.study()


@pytest.fixture
def ask(desk: Desk) -> Any:
    """Asks with a key that may do everything."""
    return Asking(desk)
