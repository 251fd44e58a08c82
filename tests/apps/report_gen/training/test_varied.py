"""Scans of the same phantom, of which no two are alike."""

import numpy as np
import pytest
import torch

from apps.report_gen.training.stage_image import thicker, varied


def test_thick_slices_are_means_of_thin_ones_and_leave_even_slopes_as_they_are() -> None:
    rows = torch.randn(40, 1, 1).expand(40, 6, 6) * 100
    made = thicker(rows, 0.5)
    pairs = rows.unflatten(0, (20, 2)).mean(1)
    # Between the middles of two thick slices lie a quarter and three quarters of each.
    assert torch.allclose(made[1:-1:2], 0.75 * pairs[:-1] + 0.25 * pairs[1:], atol=1e-3)
    slope = torch.arange(40.0)[:, None, None].expand(40, 6, 6)
    assert torch.allclose(thicker(slope, 0.5)[2:-2], slope[2:-2], atol=1e-4)


def test_a_kernel_and_noise_change_voxels_and_keep_what_a_region_measures() -> None:
    torch.manual_seed(5)
    hu = torch.full((6, 24, 40, 40), -850, dtype=torch.int16)
    hu[:, 6:18, 10:30, 10:30] = 40
    made = varied(hu, np.random.default_rng(5))
    middle = made[:, 9:15, 14:26, 14:26].mean((1, 2, 3))
    assert middle.tolist() == pytest.approx([40.0] * 6, abs=60)
    spread = made[:, 9:15, 14:26, 14:26].flatten(1).std(1)
    assert float(spread.max() - spread.min()) > 2
    assert not torch.equal(made[0], made[1])
