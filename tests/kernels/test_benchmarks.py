"""Benchmarks prove ours right first, compare in one run, and print losses."""

import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from core_kernels.benchmarks import __main__ as program
from core_kernels.benchmarks.harness import Case, Goal, Timing, measure
from core_kernels.benchmarks.report import page
from core_kernels.benchmarks.table import judged, keep, lines

CPU = torch.device("cpu")


def timing(milliseconds: float) -> Timing:
    return Timing(median=milliseconds, p10=milliseconds, p90=milliseconds)


def case(**more: object) -> Case:
    given = {"operation": "made_up", "label": "2×2", "ours": list, "check": list, **more}
    return Case(**given)  # type: ignore[arg-type]


def test_the_sides_take_turns_and_each_runs_at_least_five_times() -> None:
    ran: list[str] = []
    sides = {"ours": lambda: ran.append("o"), "peer": lambda: ran.append("p")}
    found = measure(sides, CPU, graph=False, cold=False, seconds=0)
    assert set(found) == {"ours", "peer"}
    assert "".join(ran) == "op" + "oopp" * 3
    assert 0 <= found["ours"].p10 <= found["ours"].median <= found["ours"].p90


def test_a_row_says_floor_rate_wins_losses_and_goals() -> None:
    goals = (
        Goal(milliseconds=1.5), Goal(ratio=1.5, peer="slow"), Goal(ratio=1.5, peer="quick"),
        Goal(ratio=2, peer="not there"),
    )  # fmt: skip
    asked = case(bytes=4_000_000, units=10, goals=goals, peers={"not there": None})
    row = judged(asked, timing(1.0), {"slow": timing(2.0), "quick": timing(0.5)}, 8e9)
    assert row.floor_ms == pytest.approx(0.5)
    assert [met for _, met in row.goals] == [True, True, False, False]
    told = "\n".join(lines(row))
    for part in (
        "floor 0.5000 ms (50% of copy bandwidth)", "10,000 a second", "slow 2.0000 ms",
        "2.00 × win", "0.50 × LOSS", "not there: not here", "reached: at most 1.5 ms",
        "MISSED: at least 1.5 × quick", "(not measured)",
    ):  # fmt: skip
        assert part in told


def test_figures_are_kept_with_versions_by_device_and_operation(tmp_path: Path) -> None:
    row = judged(case(), timing(1.0), {}, 1e9)
    (path,) = keep(tmp_path, CPU, [row])
    told = json.loads(path.read_text())
    assert path.name == "made_up.json"
    assert told["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert told["rows"][0]["ours"]["median"] == 1.0


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A benchmark of a right and a wrong operation; what ran, in order."""
    ran: list[str] = []

    def wrong() -> None:
        ran.append("check")
        raise AssertionError("off by one")

    def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
        yield case(label="wrong", ours=lambda: ran.append("wrong"), check=wrong)
        yield case(
            label="right",
            ours=lambda: ran.append("ours"),
            check=lambda: ran.append("check"),
            peers={"theirs": lambda: ran.append("theirs")},
        )

    def found(name: str) -> ModuleType | SimpleNamespace:
        return SimpleNamespace(cases=cases)

    monkeypatch.setattr(program, "importlib", SimpleNamespace(import_module=found))
    monkeypatch.setattr(program, "operations", lambda: ["made_up"])
    monkeypatch.setattr(program, "copy_bandwidth", lambda device: 1e9)
    return ran


def test_what_is_wrong_is_never_timed_and_fails_the_run(
    made_up: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--seconds", "0", "--device", "cpu", "--out", str(tmp_path)]
    assert program.main(given) == 1
    assert made_up[:3] == ["check", "check", "ours"]
    assert "wrong" not in made_up
    assert "theirs" in made_up
    told = capsys.readouterr().out
    assert "WRONG: off by one" in told
    assert "wrong or failed: 1" in told
    assert len(list(tmp_path.rglob("made_up.json"))) == 1


def test_alone_measures_no_peer(made_up: list[str]) -> None:
    program.main(["--seconds", "0", "--device", "cpu", "--alone"])
    assert "ours" in made_up
    assert "theirs" not in made_up


def test_what_needs_a_library_that_is_not_here_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made_up: list[str]
) -> None:
    def found(name: str) -> SimpleNamespace:
        return SimpleNamespace(NEEDS=("no_such_library",))

    monkeypatch.setattr(program, "importlib", SimpleNamespace(import_module=found))
    assert program.main(["--seconds", "0", "--device", "cpu"]) == 0
    assert "left out: no_such_library is not here" in capsys.readouterr().out
    assert made_up == []


def test_an_unknown_operation_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["no_such"])
    assert "no benchmark is named no_such; there are: add_norm" in capsys.readouterr().err


def test_a_run_of_some_cases_leaves_the_other_rows(tmp_path: Path) -> None:
    keep(tmp_path, CPU, [judged(case(label=name), timing(1.0), {}, 1e9) for name in ("a", "b")])
    (path,) = keep(tmp_path, CPU, [judged(case(label="b"), timing(2.0), {}, 1e9)])
    rows = json.loads(path.read_text())["rows"]
    assert {row["label"]: row["ours"]["median"] for row in rows} == {"a": 1.0, "b": 2.0}


def test_only_cases_with_a_text_run(made_up: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program.main(["--seconds", "0", "--device", "cpu", "--only", "right"])
    told = capsys.readouterr().out
    assert "right" in told
    assert "wrong\n" not in told


def test_a_side_that_cannot_run_fails_its_case_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made_up: list[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("no such device")

    def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
        yield case(label="broken", check=broken)
        yield case(label="whole")

    def found(name: str) -> SimpleNamespace:
        return SimpleNamespace(cases=cases)

    monkeypatch.setattr(program, "importlib", SimpleNamespace(import_module=found))
    assert program.main(["--seconds", "0", "--device", "cpu"]) == 1
    told = capsys.readouterr().out
    assert "no such device" in told
    assert "whole\n  ours" in told


def test_the_page_of_measured_figures_is_printed_from_the_kept_results() -> None:
    written = Path(__file__).parents[2] / "docs" / "kernels" / "measured.md"
    assert written.read_text() == page()


@pytest.mark.parametrize("operation", program.operations())
def test_every_benchmark_file_offers_cases(operation: str) -> None:
    offered = importlib.import_module(f"core_kernels.benchmarks.{operation}").cases
    assert list(inspect.signature(offered).parameters) == ["device", "quick"]
