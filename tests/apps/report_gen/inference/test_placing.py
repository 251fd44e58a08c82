"""Places found on the network's grid are told on the volume's, to the tenth of a millimetre."""

import numpy as np
import torch

from apps.report_gen.findings import KEYS, Finding, FindingSet, State
from apps.report_gen.inference.draft import prepare
from apps.report_gen.inference.placing import moved, network_affine, shift
from apps.report_gen.inference.runner import asked_verdicts
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.verdicts import Verdicts


def test_the_middle_of_a_ball_is_found_where_it_lies_in_the_volume() -> None:
    """The oracle is the ball's centre in the volume; the network's grid is searched for it."""
    spacing = (5.0, 3.0, 4.0)
    shape = (70, 110, 90)
    centre = np.array([40, 60, 30])
    index = np.indices(shape).transpose(1, 2, 3, 0)
    away = np.linalg.norm((index - centre) * np.array(spacing), axis=-1)
    hu = np.where(away < 30, 300, -1000).astype(np.int16)
    prepared = prepare(torch.from_numpy(hu), spacing, TOY)
    weight = prepared.windows[0, 2].double()
    weight = weight - weight.min()
    grid = [torch.arange(size, dtype=torch.float64) for size in weight.shape]
    mesh = torch.meshgrid(*grid, indexing="ij")
    found = [float((axis * weight).sum() / weight.sum()) for axis in mesh]
    by = shift(prepared.origin, TOY.spacing, spacing)
    told = [at * wide + step for at, wide, step in zip(found, TOY.spacing, by, strict=True)]
    assert np.allclose(told, centre * np.array(spacing), atol=0.6)

    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    affine[:3, 3] = (-100.0, 20.0, 7.0)
    network = network_affine(affine, spacing, TOY.spacing, by)
    ras = network @ np.array([found[2], found[1], found[0], 1.0])
    wanted = affine @ np.array([centre[2], centre[1], centre[0], 1.0])
    assert np.allclose(ras, wanted, atol=0.6)


def test_findings_are_moved_with_their_boxes_and_others_stay() -> None:
    there = Finding(
        id="mass.1", kind="mass", state=State.PRESENT, probability=0.9, centre=(1.0, 2.0, 3.0),
        box=((0.0, 2.0), (1.0, 3.0), (2.0, 4.0)), label=1,
    )  # fmt: skip
    other = Finding(id="emphysema", kind="emphysema", state=State.ABSENT, probability=0.1)
    made = moved(FindingSet(findings=(there, other)), (10.0, 20.0, 30.0)).findings
    assert made[0].centre == (11.0, 22.0, 33.0)
    assert made[0].box == ((10.0, 12.0), (21.0, 23.0), (32.0, 34.0))
    assert made[1] == other


def test_thresholds_of_an_operating_point_take_the_place_of_the_models() -> None:
    own = Verdicts(low=(0.4,) * len(KEYS), high=(0.6,) * len(KEYS))
    asked = asked_verdicts(own, {"low.mass": 0.7, "high.emphysema": 0.2, "languages": "en"})
    mass, emphysema = KEYS.index("mass"), KEYS.index("emphysema")
    assert (asked.low[mass], asked.high[mass]) == (0.7, 0.7)
    assert (asked.low[emphysema], asked.high[emphysema]) == (0.2, 0.2)
    assert asked.low[0] == 0.4
