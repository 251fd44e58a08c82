"""Segments, generations and parts cut small, so that a few hundred rows make many of each."""

import pytest

from apps.fraud.live import known_ids, log


def cut(patch: pytest.MonkeyPatch) -> None:
    """Parts of 16 rows, segments of 100 and of 300, generations of 150 ids."""
    patch.setattr(log, "PART_ROWS", 16)
    patch.setattr(log, "SEGMENT_ROWS", 100)
    patch.setattr(log, "COMPACT_ROWS", 300)
    patch.setattr(known_ids, "GENERATION", 150)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `cut`."""
    cut(monkeypatch)
