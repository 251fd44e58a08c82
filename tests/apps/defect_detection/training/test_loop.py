"""Promises of the loop: it goes on after any end as if nothing had happened; seeds repeat."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from apps.defect_detection.training import loop, state
from apps.defect_detection.training.pictures import Pictures, load
from apps.defect_detection.training.recipe import Recipe
from loupe.contract.runtime import checkpoints
from loupe.contract.runtime.errors import Cancelled, InputRefused
from tests.apps.defect_detection.training.made import CLASSES, labelled

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
TINY = Recipe(size=64, epochs=3, batch=4, deterministic=True, measure_every=1, patience=0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pictures, Pictures]:
    folder = tmp_path_factory.mktemp("pictures")
    items = labelled(folder, 6)
    return load(items[:4], 64, CPU, 1), load(items[4:], 64, CPU, 1)


@pytest.fixture(autouse=True)
def _save_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SHARE", 0)


def fit(
    pictures: tuple[Pictures, Pictures],
    out: Path,
    recipe: Recipe = TINY,
    seed: int = 3,
    stop_at: float = 99.0,
) -> loop.Outcome:
    """Train, going on from what is in `out`; stop in the middle of epoch `stop_at`."""

    def beat(done: float, total: float) -> None:
        if done >= stop_at:
            raise Cancelled("Stopped by the test.")

    keeping = loop.Keeping(folder=out / "checkpoint", resume=True)
    return loop.fit(*pictures, CLASSES, recipe, seed, out, CPU, keeping=keeping, beat=beat)


def same(one: Path, other: Path) -> bool:
    left, right = load_file(one), load_file(other)
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize("architecture", ["yolo11n", "yolo26n"])
def test_a_stopped_training_goes_on_to_the_very_weights_of_an_undisturbed_one(
    pictures: tuple[Pictures, Pictures], tmp_path: Path, architecture: str
) -> None:
    recipe = TINY.with_(architecture=architecture)
    whole = fit(pictures, tmp_path / "whole", recipe)
    with pytest.raises(Cancelled):
        fit(pictures, tmp_path / "parts", recipe, stop_at=1.5)
    parts = fit(pictures, tmp_path / "parts", recipe)
    assert [line["epoch"] for line in parts.history] == [2, 3]
    assert same(whole.last, parts.last)
    assert same(whole.best, parts.best)
    assert whole.history[-1]["box_loss"] == parts.history[-1]["box_loss"]


def test_another_seed_gives_other_weights_and_its_checkpoint_is_refused(
    pictures: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    once = TINY.with_(epochs=1)
    one = fit(pictures, tmp_path / "one", once, seed=1)
    other = fit(pictures, tmp_path / "other", once, seed=2)
    assert not same(one.last, other.last)
    with pytest.raises(InputRefused, match="seed differ") as refusal:
        fit(pictures, tmp_path / "one", once, seed=2)
    assert refusal.value.code == "checkpoint_differs"


def test_a_full_disk_in_a_checkpoint_keeps_the_last_one_and_a_damaged_one_is_passed_over(
    pictures: tuple[Pictures, Pictures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0

    def full(tensors: Any, path: Path) -> None:
        nonlocal written
        written += 1
        save_file(tensors, path)
        if written == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        fit(pictures, tmp_path)
    kept = checkpoints.complete(tmp_path / "checkpoint")
    assert [place.name for place in kept] == ["00000002", "00000001"]
    (kept[0] / state.TENSORS).write_bytes(b"cut off")
    assert [line["epoch"] for line in fit(pictures, tmp_path).history] == [2, 3]


def test_it_stops_when_the_validation_split_gets_no_better(
    pictures: tuple[Pictures, Pictures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Same:
        map50 = map50_95 = 0.5

    monkeypatch.setattr(loop, "measure", lambda *given: Same())
    outcome = fit(pictures, tmp_path, TINY.with_(epochs=30, patience=2))
    assert (outcome.best_epoch, outcome.epochs) == (1, 3)


def test_losses_that_are_no_numbers_end_it_with_a_sentence(
    pictures: tuple[Pictures, Pictures], tmp_path: Path
) -> None:
    with pytest.raises(InputRefused, match="diverged"):
        fit(pictures, tmp_path, TINY.with_(learning_rate=float("nan")))
