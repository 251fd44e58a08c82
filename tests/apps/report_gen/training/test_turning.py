"""Volumes of a batch in another pose."""

import math

import numpy as np
import pytest
import torch

from apps.report_gen.findings import KEYS, FindingSet
from apps.report_gen.training.pool import batch
from apps.report_gen.training.targets import Centre, Example, halved_bits
from apps.report_gen.training.turning import some_pose, turned, with_poses

SPACING = (2.0, 1.6, 1.2)
SIZE = (48, 56, 64)


def with_ball(at: tuple[int, int, int]) -> Example:
    """A dense ball in air, labelled and in every map."""
    axes = torch.meshgrid(*(torch.arange(n) for n in SIZE), indexing="ij")
    away = sum(((a - c) * s) ** 2 for a, c, s in zip(axes, at, SPACING, strict=True))
    ball = torch.as_tensor(away) < 8.0**2
    place = (float(at[0]), float(at[1]), float(at[2]))
    return Example(
        seed=1, hu=torch.where(ball, 100, -1000).to(torch.int16),
        regions=halved_bits(ball.to(torch.int16)), lobes=ball[::2, ::2, ::2].to(torch.uint8),
        labels=ball.to(torch.uint8) * 7, states=torch.zeros(len(KEYS)),
        sides=torch.zeros(len(KEYS), 2), truth=FindingSet(findings=()),
        centres=(Centre(kind=0, at=place, size_mm=16, label=7),),
    )  # fmt: skip


def test_everything_that_is_told_of_a_volume_turns_with_it() -> None:
    draw = np.random.default_rng(1)
    steps = torch.tensor([[0, 0, 0], [2, -4, 4]])
    for _ in range(5):
        made = with_poses(batch([with_ball((30, 20, 40))] * 2, steps), draw, SPACING, 1.0)
        assert not made.steps.any()
        for number in range(2):
            ((each),) = made.centres[number]
            where = (made.labels[number] == each.label).nonzero().float().mean(0)
            assert where.tolist() == pytest.approx(each.at, abs=0.3)
            dense = (made.hu[number] > -450).nonzero().float().mean(0)
            assert dense.tolist() == pytest.approx(each.at, abs=0.3)
            for half in (made.regions[number], made.lobes[number]):
                middle = 2 * half.nonzero().float().mean(0) + 0.5
                assert middle.tolist() == pytest.approx(each.at, abs=1.5)
            count = float((made.hu[number] + 1000.0).sum()) / 1100
            ball = 4 / 3 * math.pi * (each.size_mm / 2) ** 3 / math.prod(SPACING)
            assert count == pytest.approx(ball, rel=0.05)


def test_a_quarter_turn_about_z_is_numpys() -> None:
    volume = torch.randn(6, 10, 10)
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    made = turned(volume, quarter, (2.0, 1.5, 1.5), "bilinear")
    expected = np.rot90(volume.numpy(), 1, (1, 2))
    other = np.rot90(volume.numpy(), -1, (1, 2))
    gaps = [float(np.abs(made.numpy() - each).max()) for each in (expected, other)]
    assert min(gaps) < 1e-4
    assert max(gaps) > 0.5


def test_no_share_leaves_everything_and_poses_differ() -> None:
    draw = np.random.default_rng(2)
    plain = batch([with_ball((30, 20, 40))])
    kept = with_poses(batch([with_ball((30, 20, 40))]), draw, SPACING, 0.0)
    assert torch.equal(kept.hu, plain.hu)
    assert kept.centres == plain.centres
    assert np.abs(some_pose(draw) - some_pose(draw)).max() > 0.01
