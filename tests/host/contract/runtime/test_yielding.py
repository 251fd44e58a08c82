"""Work that gives way: what is written, what is read, how long anybody waits."""

import time
from pathlib import Path

import pytest

from loupe.contract.runtime import line_flag, training
from loupe.contract.runtime.line_flag import HOLD_S, LEASE_S, VARIABLE, LineFlag, LineWatch
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.yielding import MOST_PER_WORKED, MOST_S, YieldingReporter


class Heard:
    """A reporter that keeps what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.figures: list[dict[str, JsonValue]] = []

    def progress(self, done: float, total: float, note: str = "") -> None:
        self.notes.append(note)

    def metrics(self, values: dict[str, JsonValue]) -> None:
        self.figures.append(values)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return line_flag.beside(tmp_path / "engine.sock")


def test_without_an_engine_nobody_waits(file: Path) -> None:
    assert LineWatch(file).busy_s() == 0


def test_the_line_is_at_work_from_its_first_call_to_a_moment_after_its_last(file: Path) -> None:
    watch, flag = LineWatch(file), LineFlag(file)
    assert watch.busy_s() == 0
    flag.works(True)
    flag.works(True)
    flag.works(False)
    assert HOLD_S < watch.busy_s() <= LEASE_S
    flag.works(False)
    assert watch.busy_s() <= HOLD_S
    flag.works(True)
    flag.close()
    assert watch.busy_s() == 0


def test_a_moment_from_before_the_machine_started_holds_nobody_up(file: Path) -> None:
    file.write_bytes((2**62).to_bytes(8, "little"))
    assert LineWatch(file).busy_s() == 0


def test_a_step_waits_no_longer_than_its_bound_and_tells_of_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(LineWatch, "busy_s", lambda self: LEASE_S)
    heard = Heard()
    reporter = YieldingReporter(heard, LineWatch(file))
    for step in (1, 2):
        now[0] += 10.0  # a long step of work
        reporter.progress(step, 10, "epoch 1")
    assert sum(slept) == pytest.approx(2 * MOST_S, abs=0.02)
    now[0] += 0.05  # and a short one
    reporter.progress(3, 10, "epoch 1")
    assert sum(slept) == pytest.approx(2 * MOST_S + 0.05 * MOST_PER_WORKED, abs=0.03)
    reporter.metrics({"loss": 1.0})
    assert heard.notes[:2] == ["epoch 1", "epoch 1 (1.0 s yielded to the line)"]
    assert heard.figures == [{"loss": 1.0, "yielded_s": 2.2}]


def test_an_idle_line_leaves_reports_as_they_are(file: Path) -> None:
    heard = Heard()
    reporter = YieldingReporter(heard, LineWatch(file))
    reporter.progress(1, 10, "epoch 1")
    reporter.metrics({"loss": 1.0})
    assert (heard.notes, heard.figures) == (["epoch 1"], [{"loss": 1.0}])


def test_a_training_gives_way_where_its_environment_names_the_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    monkeypatch.delenv(VARIABLE, raising=False)
    assert training._polite(heard) is heard
    monkeypatch.setenv(VARIABLE, str(file))
    assert isinstance(training._polite(heard), YieldingReporter)
