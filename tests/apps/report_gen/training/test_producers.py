"""Phantoms made beside the training: on a shelf, followed into a pool, the same as made at once."""

import math
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import Model, fetch, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make, some_wanted
from apps.report_gen.training.beginning import begin_with
from apps.report_gen.training.following import Follower
from apps.report_gen.training.held_out import Shelf, held_out, held_out_set, name_of
from apps.report_gen.training.pool import Pool
from apps.report_gen.training.producers import (
    Pace,
    held_out_tasks,
    produce,
    start,
    training_tasks,
)
from apps.report_gen.training.recipe import TOY_RECIPE
from apps.report_gen.training.shelf import keep_example, kept_example, names, same_example
from apps.report_gen.training.stage_image import STEPS_KNOWN, train_image, trained_image, usable
from apps.report_gen.training.targets import Example, example

SMALL = Grid(shape=(16, 16, 16), spacing=(20.0, 22.0, 22.0))


def made(seed: int) -> Example:
    return example(make(seed, SMALL, some_wanted(seed)))


def test_an_example_comes_back_from_its_shelf_as_it_was_with_every_finding(tmp_path: Path) -> None:
    for seed in range(3):
        keep_example(tmp_path, f"{seed}", made(seed))
        assert same_example(kept_example(tmp_path / f"{seed}.safetensors"), made(seed))
    assert names(tmp_path) == ["0", "1", "2"]


def test_producers_make_what_is_not_there_and_the_same_bits_as_the_training_would(
    tmp_path: Path,
) -> None:
    keep_example(tmp_path, f"{7:012d}", made(8))
    pace = Pace(until=time.time() + 120, quick=3)
    for each in start(tmp_path, training_tasks(7, 3), SMALL, 2, pace):
        each.join(120)
    assert names(tmp_path) == [f"{seed:012d}" for seed in (7, 8, 9)]
    assert same_example(kept_example(tmp_path / f"{9:012d}.safetensors"), made(9))
    untouched = kept_example(tmp_path / f"{7:012d}.safetensors")
    assert same_example(untouched, made(8))


def test_a_producer_stops_at_its_time(tmp_path: Path) -> None:
    produce(tmp_path, training_tasks(0, 1000), SMALL, Pace(until=time.time() - 1, quick=1000))
    assert names(tmp_path) == []


def test_a_follower_renews_a_pool_and_clears_away_what_left_it(tmp_path: Path) -> None:
    pool = Pool(SMALL, 2, 0)
    follower = Follower(pool, tmp_path)
    for seed in range(2):
        keep_example(tmp_path, f"{seed:012d}", made(seed))
    follower.wait_for(2, 60)
    keep_example(tmp_path, f"{2:012d}", made(2))
    follower.wait_for(3, 60)
    follower.close()
    assert sorted(each.seed for each in pool.examples) == [1, 2]
    assert names(tmp_path) == [f"{seed:012d}" for seed in (1, 2)]


def test_a_follower_says_that_nobody_makes_phantoms(tmp_path: Path) -> None:
    follower = Follower(Pool(SMALL, 2, 0), tmp_path)
    with pytest.raises(RuntimeError, match="0 of 1 phantoms"):
        follower.wait_for(1, 0.3)
    follower.close()


def test_held_out_phantoms_are_read_from_the_shelf_or_made_and_are_the_same(
    tmp_path: Path,
) -> None:
    keep_example(tmp_path, name_of(0, "noise"), held_out(0, SMALL, "noise"))
    both = list(held_out_set(Shelf(tmp_path), SMALL, 0, 2, "noise"))
    assert same_example(both[0], held_out(0, SMALL, "noise"))
    assert same_example(both[1], held_out(1, SMALL, "noise"))
    assert not torch.equal(both[0].hu, held_out(0, SMALL).hu)


def test_every_phantom_that_is_judged_has_a_name_of_its_own() -> None:
    recipe = replace(TOY_RECIPE, validation=3, test=9, shifted=2)
    found = held_out_tasks(recipe)
    assert len({task.name for task in found}) == len(found) == 3 + 9 + 5 * 2 + 8
    assert all(task.held_out for task in found)


def test_a_gradient_far_beyond_the_others_belongs_to_no_step() -> None:
    before = deque([2.0] * STEPS_KNOWN, maxlen=STEPS_KNOWN)
    assert usable(5.0, before)
    assert not usable(math.inf, before)
    assert not usable(math.nan, before)
    assert not usable(1e16, before)
    assert usable(1e16, deque(maxlen=STEPS_KNOWN))


def test_a_training_begins_with_a_stored_model_and_no_other_shape(tmp_path: Path) -> None:
    torch.manual_seed(5)
    model = Model(
        shape=TOY, image=ImageNetwork(TOY), report=ReportNetwork(TOY), verdicts=Verdicts(), card={}
    )
    store(tmp_path / "model", model)
    stored = fetch(tmp_path / "model")
    recipe = replace(TOY_RECIPE, image_steps=1, rate=0.0, decay=0.0)
    train_image(recipe, tmp_path / "work", "cpu", tmp_path / "model")
    kept = torch.load(tmp_path / "work" / "image.pt", weights_only=True)["network"]
    for name, value in stored.image.named_parameters():
        assert np.allclose(kept[name].numpy(), value.detach().numpy()), name
    with pytest.raises(SystemExit, match="another shape"):
        begin_with(
            ImageNetwork(TOY), tmp_path / "model", replace(recipe, shape=replace(TOY, crop=16)),
            "image",
        )  # fmt: skip


def test_a_call_of_no_seconds_takes_a_model_over_without_phantoms(tmp_path: Path) -> None:
    torch.manual_seed(8)
    model = Model(
        shape=TOY, image=ImageNetwork(TOY), report=ReportNetwork(TOY), verdicts=Verdicts(), card={}
    )
    store(tmp_path / "model", model)
    recipe = replace(TOY_RECIPE, call_seconds=0.0, producers=1, pool_start=4, image_before=30.0)
    progress = train_image(recipe, tmp_path / "work", "cpu", tmp_path / "model")
    assert (progress.steps, progress.done) == (0, False)
    assert progress.seconds >= 30
    taken, given = trained_image(recipe, tmp_path / "work", "cpu"), fetch(tmp_path / "model").image
    assert taken is not None
    for one, other in zip(taken.parameters(), given.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_model_of_an_earlier_version_gives_what_fits_and_the_rest_is_named(
    tmp_path: Path,
) -> None:
    torch.manual_seed(6)
    image = ImageNetwork(TOY)
    model = Model(shape=TOY, image=image, report=ReportNetwork(TOY), verdicts=Verdicts(), card={})
    # As before the network looked closer at air, and with another verdict.
    stem, begun_stem = image.body.stem[0], ImageNetwork(TOY).body.stem[0]
    assert isinstance(stem, torch.nn.Conv3d)
    assert isinstance(begun_stem, torch.nn.Conv3d)
    whole = stem.weight.detach().clone()
    stem.weight = torch.nn.Parameter(whole[:, :3].clone())
    image.weighed_evidence = torch.nn.Parameter(torch.zeros(39, 5))
    store(tmp_path, model)
    fresh = ImageNetwork(TOY)
    fresh.body.stem[0] = begun_stem
    begun = fresh.weighed_evidence.detach().clone()
    named = begin_with(fresh, tmp_path, TOY_RECIPE, "image")
    assert named == ["weighed_evidence"]
    assert torch.equal(fresh.weighed_evidence, begun)
    assert torch.allclose(begun_stem.weight[:, :3], whole[:, :3], atol=0.02)
    assert not begun_stem.weight[:, 3:].any()
    assert begin_with(fresh, None, TOY_RECIPE, "image") == []
