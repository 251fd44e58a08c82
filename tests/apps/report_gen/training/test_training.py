"""Training on phantoms, from the script to the stored model, at toy size."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.report_gen.findings import FOCAL, KEYS
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.network import ImageNetwork, windowed
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import fetch
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make
from apps.report_gen.phantoms.wanted import HELD_OUT_SEEDS, Scan, Wanted
from apps.report_gen.training.held_out import held_out
from apps.report_gen.training.losses import _masks, focal, losses
from apps.report_gen.training.made_up import some_findings_set
from apps.report_gen.training.pool import Pool, batch
from apps.report_gen.training.recipe import TOY_RECIPE
from apps.report_gen.training.stage_image import train_image
from apps.report_gen.training.stage_text import train_text, trained_text, writing_loss
from apps.report_gen.training.state import kept, rate_at
from apps.report_gen.training.targets import Example, example, halved_bits, heat_of, masks_of

ROOT = Path(__file__).parents[4]
GRID = Grid(shape=TOY.grid, spacing=TOY.spacing)


@pytest.fixture(scope="module")
def two() -> list[Example]:
    asked = Wanted(findings=frozenset({"mass", "pleural_effusion"}), scan=Scan())
    return [example(make(1, GRID, asked)), example(make(2, GRID, Wanted()))]


@pytest.mark.serial
@pytest.mark.slow
def test_the_script_trains_judges_stores_and_goes_on_when_called_again(tmp_path: Path) -> None:
    def call(stage: str, *more: str) -> str:
        answer = subprocess.run(
            [
                ROOT / "scripts/train_report_gen.sh", tmp_path / "out", stage, "--toy", "--device",
                "cpu", "--work", tmp_path / "work", *more,
            ],
            env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, check=False, timeout=800,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr[-2000:]
        return answer.stdout

    small = ("--image-steps", "2", "--text-steps", "2", "--joint-steps", "1", "--test", "2",
             "--validation", "2")  # fmt: skip
    assert "call it again" in call("image", *small, "--call-seconds", "0")
    said = call("all", *small)
    assert "macro_f1=" in said
    assert "control_blanked_volume_without_finding" in said
    assert "froc=all" in said
    assert "[A] done=True" in call("image", *small)
    card = json.loads((tmp_path / "out/panel.json").read_text())
    assert card["use"] == "research use; not for diagnosis"
    assert set(card["shifts"]) == {"spacing", "noise", "tilt", "contrast", "kernel"}
    assert set(card["test"]["findings"]) == set(KEYS)
    assert card["text"]["sentences_without_slot"] == card["text"]["side_contradictions"] == 0
    assert card["text"]["findings_changed_by_another_text"] == 0
    model = fetch(tmp_path / "out/model")
    hu = torch.full((20, 40, 40), -800, dtype=torch.int16)
    assert Drafter(model)(hu, (10.0, 8.0, 8.0)).sentences


@pytest.mark.serial
@pytest.mark.slow
def test_the_script_of_three_calls_begins_and_says_what_it_lacks(tmp_path: Path) -> None:
    def call(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts/train_report_gpu.sh", *words],
            env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "TOY": "1",
                 "WORK": str(tmp_path / "work"), "CALL_SECONDS": "250"},
            capture_output=True, text=True, check=False, timeout=800,
        )  # fmt: skip

    assert "nothing of stage A" in call(tmp_path / "out", "text").stderr
    assert "holds no stored model" in call(tmp_path / "out", "image-more", tmp_path).stderr
    assert call(tmp_path / "out").returncode == 2
    made = call(tmp_path / "out", "image")
    assert made.returncode == 0, made.stdout[-2000:]
    assert "done=True" in made.stdout
    assert fetch(tmp_path / "out/so_far").shape == TOY


def test_a_run_that_was_cut_ends_as_far_as_one_that_was_not_and_repeats(tmp_path: Path) -> None:
    recipe = replace(TOY_RECIPE, accumulate=1, pool_start=2)
    for name in ("first", "second"):
        assert train_image(recipe, tmp_path / name, "cpu").done
    first, second = (kept(tmp_path / name / "image.pt", "cpu") for name in ("first", "second"))
    assert first is not None
    assert second is not None
    assert all(torch.equal(v, second["network"][k]) for k, v in first["network"].items())
    cut = train_image(replace(recipe, call_seconds=0.0), tmp_path / "cut", "cpu")
    assert (cut.done, cut.steps) == (False, 0)
    gone_on = train_image(recipe, tmp_path / "cut", "cpu")
    assert (gone_on.done, gone_on.steps) == (True, recipe.image_steps)


def test_steps_lower_the_loss_on_the_same_phantoms(two: list[Example]) -> None:
    torch.manual_seed(0)
    network = ImageNetwork(TOY).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    together = batch(two)
    seen = []
    for _ in range(12):
        volume = windowed(together.hu.float())
        total = losses(network, volume, network(volume), together).total()
        total.backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append(float(total))
    assert seen[-1] < 0.7 * seen[0]


def test_a_lung_with_little_of_a_finding_counts_as_much_as_the_other() -> None:
    wanted = torch.zeros(1, 1, 4, 8, 16)
    wanted[..., :4, 1:3] = 1
    wanted[..., 8:] = 1
    sure = 8 * (2 * wanted - 1)
    without_few, without_many = sure.clone(), sure.clone()
    without_few[..., :8] = -8
    without_many[..., 8:] = -8
    few, many = (float(_masks(told, wanted) - _masks(sure, wanted)) for told in
                 (without_few, without_many))  # fmt: skip
    # Of a Dice over all of it the few are a seventeenth.
    assert few > 0.25
    assert many > few


def test_checkpointing_and_accumulation_change_no_gradient(two: list[Example]) -> None:
    together, grads = batch(two), []
    for saving in (False, True):
        torch.manual_seed(0)
        network = ImageNetwork(TOY).train()
        network.body.saving = saving
        volume = windowed(together.hu.float())
        losses(network, volume, network(volume), together).total().backward()
        grads.append([p.grad for p in network.parameters()])
    for first, second in zip(*grads, strict=True):
        assert first is not None
        assert second is not None
        assert torch.allclose(first, second, atol=1e-5)


def test_the_writing_learns_in_stage_b(tmp_path: Path) -> None:
    recipe = replace(TOY_RECIPE, text_steps=12, text_batch=4, text_rate=6e-3, average=0.8)
    train_text(replace(recipe, text_steps=1), tmp_path / "short", "cpu")
    train_text(recipe, tmp_path / "long", "cpu")
    told = []
    for name in ("short", "long"):
        network = trained_text(recipe, tmp_path / name, "cpu")
        assert network is not None
        draw = np.random.default_rng(3)
        studies = [some_findings_set(draw) for _ in range(4)]
        with torch.no_grad():
            told.append(float(writing_loss(network, studies, draw, "cpu")))
    assert told[1] < 0.85 * told[0]


def test_targets_hold_what_the_phantom_holds(two: list[Example]) -> None:
    phantom = make(1, GRID, Wanted(findings=frozenset({"mass", "pleural_effusion"}), scan=Scan()))
    bits = halved_bits(phantom.regions)
    masks = masks_of(bits[None])[0]
    for bit in range(len(KEYS)):
        whole = ((phantom.regions >> bit) & 1).float()[None, None]
        wanted = torch.nn.functional.max_pool3d(whole, 2)[0, 0]
        assert torch.equal(masks[bit], wanted)
    (centre,) = (one for one in two[0].centres if FOCAL[one.kind] == "mass")
    heat = heat_of([two[0].centres], (16, 24, 24), TOY.spacing, torch.device("cpu"))[0, 1]
    at = (heat == 1).nonzero()[0]
    assert [2 * int(a) + 0.5 for a in at] == pytest.approx(centre.at, abs=1.01)
    assert two[0].states.sum() == 2
    assert not two[1].states.any()


def test_a_moved_volume_takes_its_centres_masks_and_lobes_along(two: list[Example]) -> None:
    steps = torch.tensor([[2, -4, 4], [0, 0, 0]])
    plain, moved = batch(two), batch(two, steps)
    assert torch.equal(moved.hu[0, 2:, :-4, 4:], plain.hu[0, :-2, 4:, :-4])
    assert (moved.hu[0, :2] == -1000).all()
    assert torch.equal(moved.regions[0, 1:, :-2, 2:], plain.regions[0, :-1, 2:, :-2])
    assert torch.equal(moved.lobes[0, 1:, :-2, 2:], plain.lobes[0, :-1, 2:, :-2])
    for first, second in zip(plain.centres[0], moved.centres[0], strict=True):
        assert [b - a for a, b in zip(first.at, second.at, strict=True)] == [2, -4, 4]
    assert torch.equal(moved.hu[1], plain.hu[1])


def test_a_pool_is_renewed_and_never_draws_what_is_held_out() -> None:
    tiny = Grid(shape=(16, 16, 16), spacing=(20.0, 22.0, 22.0))
    pool = Pool(tiny, 2, seed=42)
    for _ in range(3):
        pool.add()
    assert sorted(one.seed for one in pool.examples) == [43, 44]
    assert held_out(0, tiny).seed >= HELD_OUT_SEEDS > 44


def test_the_focal_loss_is_its_formula() -> None:
    logits, wanted = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([1.0, 0.5, 0.0])
    p = 1 / (1 + np.exp(-logits.numpy()))
    by_hand = -((1 - p[0]) ** 2 * np.log(p[0]))
    by_hand -= sum((1 - wanted[i].item()) ** 4 * p[i] ** 2 * np.log(1 - p[i]) for i in (1, 2))
    assert float(focal(logits, wanted)) == pytest.approx(float(by_hand), rel=1e-5)


def test_the_rate_rises_then_falls() -> None:
    rates = [rate_at(share, 1.0) for share in (0, 0.03, 0.5, 1.0, 1.2)]
    assert rates[0] < 0.1 < rates[2] < rates[1] == pytest.approx(1)
    assert rates[3] == rates[4] == pytest.approx(0.01)
