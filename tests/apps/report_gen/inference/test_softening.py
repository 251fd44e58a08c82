"""Sharp scans are shown to the network as a soft kernel would show them; soft ones as they are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from apps.report_gen.inference.network import windowed
from apps.report_gen.inference.softening import (
    SOFT,
    WIDEST,
    as_read,
    hounsfield,
    needed,
    smoothed,
    softened,
    texture,
)


def chest(seed: int, noise: float) -> Tensor:
    """HU [D, H, W]: air, a body of soft tissue with a lung and a bone, and white noise."""
    hu = torch.full((24, 72, 72), -1000.0)
    hu[:, 6:66, 4:68] = 40
    hu[:, 20:50, 12:32] = -850
    hu[:, 30:36, 50:56] = 700
    chance = torch.Generator().manual_seed(seed)
    return hu + noise * torch.randn(hu.shape, generator=chance)


def told(hu: Tensor) -> float:
    found = texture(hu)
    assert found is not None
    return found


def test_hounsfield_units_come_back_out_of_windows() -> None:
    hu = torch.arange(-1340.0, 995.0).repeat(2, 2, 1)
    assert (hounsfield(windowed(hu[None])[0]) - hu).abs().max() < 1e-2
    assert (hounsfield(windowed(hu[None])[0].half()) - hu).abs().max() <= 1
    beyond = torch.tensor([-3000.0, 3000.0]).view(1, 1, 2)
    assert hounsfield(windowed(beyond[None])[0]).flatten().tolist() == [-1350, 1000]


def test_white_noise_is_finer_than_noise_under_a_soft_kernel() -> None:
    hu = chest(1, 20)
    assert told(hu) == pytest.approx(3.54, abs=0.2)
    widths = [0.4, 0.6, 0.8, 1.0]
    grains = [told(smoothed(hu, width)) for width in widths]
    assert grains == sorted(grains, reverse=True)
    assert grains[-1] < SOFT


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**20), noise=st.floats(8, 40), sharp=st.floats(0.3, 0.6),
    soft=st.floats(0.7, 0.9),
)  # fmt: skip
def test_two_kernels_of_one_scan_come_together(
    seed: int, noise: float, sharp: float, soft: float
) -> None:
    raw = chest(seed, noise)
    one, other = smoothed(raw, sharp), smoothed(raw, soft)
    before = (one - other).square().mean()
    made = [hounsfield(softened(windowed(each[None])[0])) for each in (one, other)]
    for each in made:
        assert told(each) < 1.05 * SOFT
    assert (made[0] - made[1]).square().mean() < before


def test_a_soft_scan_stays_what_it_is() -> None:
    windows = windowed(smoothed(chest(2, 20), WIDEST)[None])[0].half()
    assert softened(windows) is windows


def test_a_sharp_one_keeps_its_shape_and_type() -> None:
    windows = windowed(chest(3, 20)[None])[0].half()
    made = softened(windows)
    assert made.shape == windows.shape
    assert made.dtype == torch.float16
    assert not torch.equal(made, windows)
    assert made.min() >= 0
    assert made.max() <= 1


@pytest.mark.parametrize("level", [-1000.0, 40.0])
def test_without_grain_or_without_tissue_nothing_is_smoothed(level: float) -> None:
    windows = windowed(torch.full((1, 16, 32, 32), level))[0]
    assert softened(windows) is windows


def test_no_scan_is_smoothed_more_than_the_widest() -> None:
    checks = torch.ones(24, 72, 72)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = -1
    assert 0 < needed(40 + 30 * checks) <= WIDEST
    assert needed(torch.full((24, 72, 72), -800.0)) == 0


def test_each_scan_of_a_batch_is_read_by_itself() -> None:
    sharp, soft = chest(4, 20), smoothed(chest(5, 20), 1.0)
    together = as_read(torch.stack([sharp, soft]))
    assert torch.equal(together[0], softened(windowed(sharp[None])[0]))
    assert torch.equal(together[1], windowed(soft[None])[0])
