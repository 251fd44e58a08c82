"""Parts of a run and what they come to."""

import time
from itertools import count

import pytest

from apps.fraud.training.timing import Timing


def test_parts_and_rungs_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(100, 2)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    timing = Timing()
    with timing.part("features"):
        pass
    with timing.part("features"):
        pass
    told = timing.with_rungs({"rules": 1.26, "gnn": 200.0})
    assert told == {"features": 4.0, "rules": 1.3, "gnn": 200.0, "all": 205.3}
    assert list(told) == ["features", "rules", "gnn", "all"]


def test_a_part_that_fails_keeps_its_time() -> None:
    timing = Timing()
    with pytest.raises(ValueError, match="no"), timing.part("guard"):
        raise ValueError("no")
    assert "guard" in timing.seconds
