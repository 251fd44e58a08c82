"""Centres are told of a scan and its mirror image, states of the scan as a soft kernel shows it."""

from typing import cast

import pytest
import torch
from torch import Tensor

from apps.report_gen.inference.detect import peaks
from apps.report_gen.inference.looking import looked_at, with_mirrored
from apps.report_gen.inference.network import ImageNetwork, Seen, windowed
from apps.report_gen.inference.softening import SOFT, WIDEST, hounsfield, smoothed
from tests.apps.report_gen.inference.test_softening import chest, told

GRID = (6, 8, 10)


def seen(at: tuple[int, int, int], score: float, way: tuple[float, float, float]) -> Seen:
    """One lesion of the first kind and nothing else; logits."""
    heat = torch.full((1, 2, *GRID), -9.0)
    heat[(0, 0, *at)] = score
    offsets = torch.zeros(1, 3, *GRID)
    offsets[(0, slice(None), *at)] = torch.tensor(way)
    rest = torch.zeros(1)
    return Seen(rest, rest, rest, heat, offsets, rest, rest, rest)


def test_a_lesion_that_both_looks_see_stays_where_it_is() -> None:
    one = seen((2, 3, 1), 4.0, (0.25, -0.5, 0.3))
    mirrored = seen((2, 3, 8), 2.0, (0.25, -0.5, -0.3))
    both = with_mirrored(one, mirrored)
    (found, *_) = [peak for peak in peaks(both, 0, (0.5, 0.5)) if peak.kind == "lung_nodule"]
    assert found.at == pytest.approx(tuple(2 * at + 0.5 for at in (2.25, 2.5, 1.3)))
    assert found.score == pytest.approx(torch.tensor(3.0).sigmoid().item())
    assert both.states is one.states


def test_what_only_one_look_sees_counts_half() -> None:
    nothing = seen((0, 0, 0), -9.0, (0, 0, 0))
    for both in (
        with_mirrored(seen((2, 3, 1), 5.0, (0, 0, 0)), nothing),
        with_mirrored(nothing, seen((2, 3, 8), 5.0, (0, 0, 0))),
    ):
        assert both.heat[0, 0, 2, 3, 1] == -2
        assert both.heat.argmax() == torch.tensor((2 * GRID[1] + 3) * GRID[2] + 1)


class Told:
    """A network that says of each volume how finely it is grained."""

    def __call__(self, volume: Tensor) -> Seen:
        grain = torch.tensor([[told(hounsfield(each)) for each in volume]])
        maps = volume.mean().expand(1, 3, *GRID)
        return Seen(grain, maps, maps, maps[:, :2], torch.zeros(1, 3, *GRID), maps, maps, maps)


@pytest.mark.parametrize(("width", "again"), [(0.4, True), (WIDEST, False)])
def test_states_are_those_of_the_soft_scan_and_places_those_of_the_scan(
    width: float, again: bool
) -> None:
    windows = windowed(smoothed(chest(6, 20), width)[None]).half()
    taken, made = looked_at(cast("ImageNetwork", Told()), windows, torch.float32)
    assert torch.equal(taken, windows.float())
    assert made.heat.mean().item() == pytest.approx(windows.float().mean().item(), rel=1e-5)
    assert made.states.item() <= 1.05 * SOFT
    assert (told(hounsfield(windows[0])) > 1.2 * SOFT) == again
