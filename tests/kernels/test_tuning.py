"""A kernel's best configuration is measured once, kept on disk, and read from what ships first."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import triton

from core_kernels import tuning
from core_kernels.errors import NothingFits
from core_kernels.tuning import Config, known, measured, tuned

SMALL = Config(blocks=(("ROWS", 1), ("COLUMNS", 64)), num_warps=4)
LARGE = Config(blocks=(("ROWS", 8), ("COLUMNS", 64)), num_warps=8)
HUGE = Config(blocks=(("ROWS", 64), ("COLUMNS", 64)), num_warps=16)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Empty folders for what ships and what is kept."""
    monkeypatch.setattr(tuning, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv("LOUPE_KERNEL_CACHE", str(tmp_path / "kept"))
    known.cache_clear()
    yield tmp_path
    known.cache_clear()


class Clock:
    """Times from a table instead of a device; counts how often it is asked."""

    def __init__(self, times: dict[Config, float | None]) -> None:
        self.times, self.asked = times, 0

    def __call__(self, config: Config) -> float | None:
        self.asked += 1
        return self.times[config]


def write(folder: Path, told: dict[str, object]) -> None:
    path = folder / "a-gpu" / "made_up.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(told))


def test_the_quickest_that_fits_is_kept_for_the_next_process(folders: Path) -> None:
    clock = Clock({SMALL: 2.0, LARGE: 1.0, HUGE: None})
    assert measured("a-gpu", "made_up", "64 half", [SMALL, LARGE, HUGE], clock) is LARGE
    assert clock.asked == 3
    known.cache_clear()
    assert known("a-gpu", "made_up") == {"64 half": LARGE}
    assert known("another-gpu", "made_up") == {}
    told = json.loads((folders / "kept/a-gpu/made_up.json").read_text())
    assert set(told) == {triton.__version__}


def test_results_join_those_of_other_shapes_and_versions(folders: Path) -> None:
    earlier = {"64": {"blocks": {}, "num_warps": 1, "num_stages": 1}}
    write(folders / "kept", {"1.0": earlier, triton.__version__: earlier})
    measured("a-gpu", "made_up", "128", [SMALL, LARGE], Clock({SMALL: 1.0, LARGE: 2.0}))
    told = json.loads((folders / "kept/a-gpu/made_up.json").read_text())
    assert told["1.0"] == earlier
    assert set(told[triton.__version__]) == {"64", "128"}


def test_what_ships_is_read_and_what_this_machine_measured_wins(folders: Path) -> None:
    def entry(warps: int) -> dict[str, object]:
        return {"blocks": {"ROWS": 1, "COLUMNS": 64}, "num_warps": warps, "num_stages": 2}

    write(folders / "shipped", {triton.__version__: {"a": entry(4), "b": entry(4)}})
    write(folders / "kept", {triton.__version__: {"b": entry(8)}, "other": {"a": entry(8)}})
    found = known("a-gpu", "made_up")
    assert found["a"] == SMALL
    assert found["b"].num_warps == 8


def test_a_damaged_or_unwritable_folder_costs_only_measuring_again(folders: Path) -> None:
    path = folders / "kept" / "a-gpu" / "made_up.json"
    path.parent.mkdir(parents=True)
    path.write_text("{ not json")
    assert known("a-gpu", "made_up") == {}
    assert measured("a-gpu", "made_up", "64", [SMALL], Clock({SMALL: 1.0})) is SMALL
    assert triton.__version__ in json.loads(path.read_text())
    path.unlink()
    path.parent.rmdir()
    (folders / "kept" / "a-gpu").write_text("a file where a folder should be")
    assert measured("a-gpu", "made_up", "64", [SMALL], Clock({SMALL: 1.0})) is SMALL
    (folders / "shipped").write_text("a file where a folder should be")
    known.cache_clear()
    assert known("a-gpu", "made_up") == {}


def test_a_kernel_that_nothing_can_hold_says_so() -> None:
    with pytest.raises(NothingFits, match="None of the 2 configurations of made_up fits a-gpu"):
        measured("a-gpu", "made_up", "64", [SMALL, HUGE], Clock({SMALL: None, HUGE: None}))


def test_off_a_gpu_nothing_is_measured() -> None:
    ran: list[Config] = []
    assert tuned("made_up", "64", [LARGE, SMALL], torch.device("cpu"), ran.append) is LARGE
    assert ran == []


def test_a_configuration_is_the_same_in_any_order_of_its_blocks() -> None:
    assert Config(blocks=(("COLUMNS", 64), ("ROWS", 1)), num_warps=4) == SMALL
    assert SMALL.launch() == {"ROWS": 1, "COLUMNS": 64, "num_warps": 4, "num_stages": 2}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_a_class_of_calls_is_measured_once(folders: Path) -> None:
    values = torch.randn(1 << 20, device="cuda")
    ran: list[Config] = []

    def run(config: Config) -> None:
        ran.append(config)
        for _ in range(20 if config is LARGE else 1):
            values.exp()

    device = torch.device("cuda", torch.cuda.current_device())
    assert tuned("made_up", "64", [LARGE, SMALL], device, run) is SMALL
    before = len(ran)
    assert tuned("made_up", "64", [LARGE, SMALL], device, run) is SMALL
    assert len(ran) == before
