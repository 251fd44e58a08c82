"""From maps to findings, with a network that answers what it is told."""

from typing import cast

import pytest
import torch
from torch import Tensor

from apps.report_gen.findings import FOCAL, KEYS, Lobe, Side, State
from apps.report_gen.inference.detect import detect
from apps.report_gen.inference.draft import prepare
from apps.report_gen.inference.network import ImageNetwork, Seen, corner_of, cubes, windowed
from apps.report_gen.inference.shape import TOY, WINDOWS
from apps.report_gen.inference.verdicts import Verdicts
from core_kernels.dispatch.volume_prepare import volume_prepare


def seen(x: int, lobe: int) -> Seen:
    """A nodule and a mass in column `x` of the half grid, in a lobe; and ground glass there."""
    size = (16, 24, 24)
    states = torch.full((1, len(KEYS)), -6.0)
    masks = torch.full((1, len(KEYS), *size), -6.0)
    heat = torch.full((1, len(FOCAL), *size), -6.0)
    lobes = torch.zeros(1, 6, *size)
    for key in ("lung_nodule", "mass", "lung_opacity"):
        states[0, KEYS.index(key)] = 6.0
    heat[0, 0, 5, 10, x] = 4.0
    heat[0, 1, 10, 10, x] = 4.0
    masks[0, KEYS.index("mass"), 8:13, 8:13, x - 2 : x + 3] = 4.0
    masks[0, KEYS.index("lung_opacity"), 2:6, 8:12, x - 2 : x + 2] = 4.0
    lobes[0, lobe, ...] = 5.0
    sides = torch.full((1, len(KEYS), 2), -4.0)
    sides[:, :, 0 if x >= 12 else 1] = 4.0
    return Seen(
        states=states, sides=sides, features=torch.zeros(1, len(KEYS), 32), heat=heat,
        offsets=torch.zeros(1, 3, *size), masks=masks, lobes=lobes, fine=torch.zeros(1, 8, *size),
    )  # fmt: skip


class Told(torch.nn.Module):
    """Stands in for the network where `seen` is given: only its outline is asked for."""

    shape = TOY

    def outline(self, cube: Tensor, fine: Tensor) -> Tensor:
        made = torch.full((1, 8, 8, 8), -1.0)
        made[0, 2:6, 2:6, 2:6] = 1.0
        return made


@pytest.mark.parametrize(("x", "lobe", "side"), [(18, 1, Side.RIGHT), (5, 4, Side.LEFT)])
def test_places_sides_and_sizes_come_from_the_maps(x: int, lobe: int, side: Side) -> None:
    network = cast("ImageNetwork", Told())
    (found,) = detect(network, torch.zeros(1, 3, *TOY.grid), Verdicts(), seen(x, lobe))
    told = {one.kind: one for one in found.findings.present()}
    assert set(told) == {"lung_nodule", "mass", "lung_opacity"}
    for one in told.values():
        assert one.side is side
        assert all(each.side is side for each in one.lobes)
    assert told["lung_nodule"].lobes == (list(Lobe)[lobe - 1],)
    assert told["lung_nodule"].size_mm == pytest.approx(4 * 7.4 * 2**0.5, rel=0.1)
    assert told["mass"].size_mm == pytest.approx(10 * 7.4 * 2**0.5, rel=0.1)
    for one in (told["lung_nodule"], told["mass"]):
        mask = found.labels == one.label
        centre = mask.nonzero().double().mean(0) * torch.tensor(TOY.spacing)
        assert one.centre == pytest.approx(tuple(centre.tolist()), abs=0.01)
        assert one.volume_ml == pytest.approx(float(mask.sum()) * 10 * 7.4**2 / 1000, rel=1e-3)


def test_a_mass_whose_outline_is_lost_has_a_place_and_no_size() -> None:
    told = seen(18, 1)
    masks = torch.full_like(told.masks, -6.0)
    (found,) = detect(
        cast("ImageNetwork", Told()), torch.zeros(1, 3, *TOY.grid), Verdicts(),
        told._replace(masks=masks),
    )  # fmt: skip
    (mass,) = [one for one in found.findings.present() if one.kind == "mass"]
    assert (mass.size_mm, mass.volume_ml) == (None, None)
    assert mass.centre is not None
    assert mass.side is Side.RIGHT
    (nodule,) = [one for one in found.findings.present() if one.kind == "lung_nodule"]
    assert nodule.size_mm


def test_a_lesion_without_a_place_is_never_said_to_be_there() -> None:
    told = seen(18, 1)
    (found,) = detect(
        cast("ImageNetwork", Told()), torch.zeros(1, 3, *TOY.grid), Verdicts(),
        told._replace(heat=torch.full_like(told.heat, -30.0)),
    )  # fmt: skip
    assert found.findings.states()["lung_nodule"] is State.UNCERTAIN


def test_training_windows_are_those_of_volume_prepare() -> None:
    hu = torch.randint(-1024, 2000, (6, 8, 10), dtype=torch.int16)
    ours = windowed(hu[None].float())[0]
    theirs = volume_prepare(
        hu, spacing=(2.0, 1.6, 1.6), target=(2.0, 1.6, 1.6), windows=WINDOWS, dtype=torch.float32
    )
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 30, 30), (90, 100, 100)])
def test_a_volume_smaller_or_larger_than_the_grid_is_placed_by_its_body(
    shape: tuple[int, int, int],
) -> None:
    hu = torch.full(shape, -1000, dtype=torch.int16)
    rows, columns = shape[1] // 2 + 3, shape[2] // 2 - 4
    hu[:, rows - 6 : rows + 6, columns - 6 : columns + 6] = 40
    made = prepare(hu, TOY.spacing, TOY)
    assert made.windows.shape == (1, 3, *TOY.grid)
    body = (made.windows[0, 0] > 0.5).nonzero().double().mean(0)
    assert body[1:].tolist() == pytest.approx([23.5, 23.5], abs=1)
    air = windowed(torch.full((1, 1, 1, 1), -1000.0))[0, :, 0, 0, 0]
    assert torch.allclose(made.windows[0].amin((1, 2, 3)).float(), air, atol=1e-3)


def test_a_cube_holds_what_lies_around_its_centre_also_at_the_edge() -> None:
    volume = torch.arange(4 * 6 * 8.0).view(1, 1, 4, 6, 8)
    corner = corner_of((1.0, 3.0, 7.0), 4)
    cube = cubes(volume, [0], [corner], 4)[0, 0]
    assert all(each % 2 == 0 for each in corner)
    for z in range(4):
        for x in range(4):
            at = (z + corner[0], 1 + corner[1], x + corner[2])
            inside = all(0 <= a < n for a, n in zip(at, (4, 6, 8), strict=True))
            assert cube[z, 1, x] == (volume[0, 0][at] if inside else 0)


@pytest.mark.parametrize(("small", "side"), [(0, Side.RIGHT), (3, Side.RIGHT), (8, Side.BOTH)])
def test_a_side_is_told_when_it_holds_a_tenth_of_the_mask_whatever_the_sides_logits_say(
    small: int, side: Side
) -> None:
    network, maps = cast("ImageNetwork", Told()), seen(18, 1)
    effusion = KEYS.index("pleural_effusion")
    maps.states[0, effusion] = 6.0
    maps.sides[0, effusion] = 4.0
    maps.masks[0, effusion, 2, 3:8, 14:24] = 4.0
    maps.masks[0, effusion, 2, 3, 2 : 2 + small] = 4.0
    (found,) = detect(network, torch.zeros(1, 3, *TOY.grid), Verdicts(), maps)
    (one,) = (one for one in found.findings.present() if one.kind == "pleural_effusion")
    assert one.side is side


def test_without_a_mask_the_side_is_the_logits() -> None:
    network, maps = cast("ImageNetwork", Told()), seen(18, 1)
    effusion = KEYS.index("pleural_effusion")
    maps.states[0, effusion] = 6.0
    maps.sides[0, effusion] = torch.tensor([-2.0, 1.0])
    (found,) = detect(network, torch.zeros(1, 3, *TOY.grid), Verdicts(), maps)
    (one,) = (one for one in found.findings.present() if one.kind == "pleural_effusion")
    assert one.side is Side.LEFT


def test_a_lobe_of_the_other_lung_is_never_told() -> None:
    maps = seen(18, 4)
    network = cast("ImageNetwork", Told())
    (found,) = detect(network, torch.zeros(1, 3, *TOY.grid), Verdicts(), maps)
    assert found.findings.present()
    for one in found.findings.present():
        assert one.side is Side.RIGHT
        assert {lobe.side for lobe in one.lobes} <= {Side.RIGHT}


def test_both_sides_are_told_with_a_lobe_of_each_however_thinly_one_is_spread() -> None:
    maps = seen(18, 1)
    network = cast("ImageNetwork", Told())
    opacity = KEYS.index("lung_opacity")
    maps.masks[0, opacity] = -6.0
    # Two voxels in each of two right lobes against fourteen on the left: a ninth each.
    maps.masks[0, opacity, 2, 3, 14:18] = 4.0
    maps.masks[0, opacity, 4:6, 3, 2:9] = 4.0
    maps.lobes[0, 1:, ...] = 0.0
    maps.lobes[0, 5] = 5.0
    maps.lobes[0, 3, :, :, 16:18] = 5.0
    maps.lobes[0, 1, :, :, 14:16] = 5.0
    (found,) = detect(network, torch.zeros(1, 3, *TOY.grid), Verdicts(), maps)
    (one,) = (one for one in found.findings.present() if one.kind == "lung_opacity")
    assert one.side is Side.BOTH
    assert one.lobes == (Lobe.RIGHT_UPPER, Lobe.LEFT_LOWER)
