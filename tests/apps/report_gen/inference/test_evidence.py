"""A verdict follows the masks: a small lesion in a whole chest is as plain as a large one."""

import pytest
import torch

from apps.report_gen.findings import FOCAL, KEYS
from apps.report_gen.inference.evidence import (
    EITHER,
    EVIDENCE,
    LEFT,
    LIKELIEST,
    RIGHT,
    SCALE,
    evidence,
    likeliest,
)
from apps.report_gen.inference.network import ImageNetwork, with_air
from apps.report_gen.inference.shape import TOY, WINDOWS

SIZE = (40, 56, 56)
OPACITY = KEYS.index("lung_opacity")


def empty() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((1, len(KEYS), *SIZE), -6.0), torch.full((1, len(FOCAL), *SIZE), -6.0)


def test_eight_voxels_of_a_chest_tip_the_state_and_the_side_of_an_untrained_verdict() -> None:
    network = ImageNetwork(TOY).eval()
    with torch.no_grad():
        network.weighed_context.zero_()
    masks, heat = empty()
    masks[0, OPACITY, 10:12, 20:22, 40:42] = 4.0
    said = network.verdict(evidence(masks, heat), torch.zeros(1, len(KEYS), 32))
    state, right, left = said[0, OPACITY].tolist()
    assert state == pytest.approx(4.0, abs=1e-4)
    assert right == pytest.approx(4.0, abs=1e-4)
    assert left == pytest.approx(-6.0, abs=1e-4)
    others = [index for index in range(len(KEYS)) if index != OPACITY]
    assert (said[0, others] < -5).all()


def test_peaks_are_means_over_the_likeliest_voxels_of_a_side() -> None:
    torch.manual_seed(1)
    masks, heat = torch.randn(2, len(KEYS), *SIZE), torch.randn(2, len(FOCAL), *SIZE)
    told = evidence(masks, heat)
    assert told.shape == (2, len(KEYS), EVIDENCE)
    for first, part in ((RIGHT, masks[..., 28:]), (LEFT, masks[..., :28])):
        ranked = part.flatten(2).sort(2, descending=True).values
        for at, count in enumerate(LIKELIEST, first + 1):
            assert torch.allclose(told[..., at] * SCALE, ranked[..., :count].mean(2), atol=1e-4)
        volume = torch.log1p(part.sigmoid().sum((2, 3, 4)))
        assert torch.allclose(told[..., first] * SCALE, volume, atol=1e-4)
    both = torch.maximum(told[..., RIGHT:LEFT], told[..., LEFT:EITHER])
    assert torch.equal(told[..., EITHER : EITHER + LEFT], both)


def test_the_likeliest_voxels_are_those_of_a_sort_and_gradients_reach_them_alone() -> None:
    torch.manual_seed(2)
    maps = torch.randn(2, 3, 8, 10, 12, requires_grad=True)
    found = likeliest(maps, 50)
    ranked = maps.detach().flatten(2).sort(2, descending=True).values
    assert torch.equal(found, ranked[..., :50])
    assert likeliest(maps, 10_000).shape == (2, 3, 960)
    found.sum().backward()
    assert maps.grad is not None
    reached = maps.grad > 0
    assert torch.equal(reached, maps.detach() >= ranked[..., 49][..., None, None, None])


def test_a_state_teaches_the_masks_nothing_about_places() -> None:
    masks, heat = empty()
    masks.requires_grad_()
    assert not evidence(masks, heat).requires_grad


def test_emphysema_and_air_lie_far_apart_where_the_network_looks_closer() -> None:
    centre, width = WINDOWS[0]
    hu = torch.tensor([-1100.0, -1000.0, -950.0, -860.0, -740.0, 40.0])
    lung = ((hu - (centre - width / 2)) / width).clamp(0, 1)
    volume = lung.view(1, 1, 1, 1, -1).expand(1, 3, 1, 1, -1)
    closer = with_air(volume)[0, 3, 0, 0]
    expected = ((hu + 1050) / 300).clamp(0, 1)
    assert torch.allclose(closer, expected, atol=1e-4)
