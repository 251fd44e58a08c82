"""Segments, generations and parts cut small, so that a few hundred rows make many of each."""

import pytest

from apps.fraud.live import known_ids, log


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 16 rows, 100 rows, 300 rows and 150 ids."""
    monkeypatch.setattr(log, "PART_ROWS", 16)
    monkeypatch.setattr(log, "SEGMENT_ROWS", 100)
    monkeypatch.setattr(log, "COMPACT_ROWS", 300)
    monkeypatch.setattr(known_ids, "GENERATION", 150)
