"""Segments, generations and parts cut small, so that a few hundred rows make many of each."""

import os
from pathlib import Path

import pytest

from apps.fraud.features.state import FeatureState
from apps.fraud.live import known_ids, log
from apps.fraud.live.bases import Base, Growing

begin = Growing.begin


def cut(patch: pytest.MonkeyPatch) -> None:
    """Parts of 16 rows, segments of 100 and of 300, generations of 150 ids."""
    patch.setattr(log, "PART_ROWS", 16)
    patch.setattr(log, "SEGMENT_ROWS", 100)
    patch.setattr(log, "COMPACT_ROWS", 300)
    patch.setattr(known_ids, "GENERATION", 150)


def wait_for_bases(patch: pytest.MonkeyPatch) -> None:
    """See `at_once`."""
    patch.setattr(Growing, "begin", at_once)


def at_once(state: FeatureState, base: Base, near: Path) -> Growing:
    """A base that has been written when the writer goes on, so that every run is the same."""
    growing = begin(state, base, near)
    os.waitid(os.P_PID, growing.child, os.WEXITED | os.WNOWAIT)
    return growing


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `cut` and `at_once`."""
    cut(monkeypatch)
    wait_for_bases(monkeypatch)
