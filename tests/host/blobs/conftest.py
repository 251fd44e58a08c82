"""Storage in a folder of the test's own."""

from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    """The blob folder."""
    settings.STORAGE_URL = f"file://{tmp_path / 'blobs'}"
    settings.MIN_FREE_BYTES = 0
    return tmp_path / "blobs"


def stored_files(root: Path) -> list[Path]:
    """Every complete file in storage."""
    return [path for path in root.glob("??/*") if path.is_file()]


def unfinished_files(root: Path) -> list[Path]:
    """Every file still being written."""
    return [path for path in root.glob("incoming/*/*") if path.name != "lock"]
