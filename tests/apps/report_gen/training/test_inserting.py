"""Nodules that are put into volumes as they are drawn."""

import numpy as np
import pytest
import torch

from apps.report_gen.findings import KEYS, FindingSet
from apps.report_gen.training.inserting import ALREADY, FIRST_LABEL, with_nodules
from apps.report_gen.training.pool import Batch, batch
from apps.report_gen.training.targets import Example, shifted

SPACING = (2.0, 1.6, 1.6)
EDGE = 96
LUNG = -850


def lungs(*, filled: int = 0) -> Batch:
    """Two volumes of nothing but lung, the second moved; its right half holds the bits `filled`."""
    half = EDGE // 2
    regions = torch.zeros(half, half, half, dtype=torch.int16)
    regions[:, :, half // 2 :] = filled
    one = Example(
        seed=1, hu=torch.full((EDGE,) * 3, LUNG, dtype=torch.int16), regions=regions,
        lobes=torch.ones(half, half, half, dtype=torch.uint8),
        labels=torch.zeros(EDGE, EDGE, EDGE, dtype=torch.uint8), states=torch.zeros(len(KEYS)),
        sides=torch.zeros(len(KEYS), 2), centres=(), truth=FindingSet(findings=()),
    )  # fmt: skip
    return batch([one, one], torch.tensor([[0, 0, 0], [6, -4, 8]]))


def test_a_nodule_lies_where_the_targets_say_and_is_denser_than_the_lung() -> None:
    torch.manual_seed(1)
    made = with_nodules(lungs(), np.random.default_rng(1), SPACING, 1.0)
    before = lungs().hu
    assert all(made.centres)
    for number, several in enumerate(made.centres):
        labels = shifted(made.labels[number], made.steps[number].tolist(), 0)
        for each in several:
            assert each.label >= FIRST_LABEL
            own = labels == each.label
            assert own.nonzero().float().mean(0).tolist() == pytest.approx(each.at, abs=1e-3)
            assert made.hu[number][own].float().mean() > LUNG + 60
            bits = made.regions[number].repeat_interleave(2, 0).repeat_interleave(2, 1)
            assert (bits.repeat_interleave(2, 2)[own] & 1).all()
        beside = (made.hu[number] - before[number])[labels == 0]
        assert beside.float().abs().mean() < 5


def test_its_state_and_its_side_of_the_patient_are_told() -> None:
    torch.manual_seed(2)
    made = with_nodules(lungs(filled=ALREADY), np.random.default_rng(2), SPACING, 1.0)
    assert made.states[:, 0].tolist() == [1.0, 1.0]
    # The right half is full of something else: the nodules lie on the left.
    assert made.sides[:, 0].tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert all(each.at[2] < EDGE / 2 + 8 for several in made.centres for each in several)


def test_volumes_without_a_share_or_without_airy_lung_stay_as_they_are() -> None:
    draw = np.random.default_rng(3)
    plain = lungs()
    kept = with_nodules(lungs(), draw, SPACING, 0.0)
    assert torch.equal(kept.hu, plain.hu)
    solid = lungs()
    solid.hu.fill_(30)
    made = with_nodules(solid, draw, SPACING, 1.0)
    assert made.centres == [(), ()]
    assert (made.hu == 30).all()
    assert not made.states.any()


def test_nodules_are_of_many_sizes() -> None:
    torch.manual_seed(4)
    draw = np.random.default_rng(4)
    sizes = []
    for _ in range(10):
        made = with_nodules(lungs(), draw, SPACING, 1.0)
        sizes += [
            int((made.labels[number] == each.label).sum())
            for number, several in enumerate(made.centres)
            for each in several
        ]
    assert len(sizes) > 20
    assert len(set(sizes)) > len(sizes) / 3
