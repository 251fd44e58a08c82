"""A CPU draws what the device samples: the same places, the same edges, the same colours."""

import cv2
import numpy as np
import pytest
import torch

from apps.defect_detection.training import augment
from apps.defect_detection.training.augment import Composer
from apps.defect_detection.training.drawing import draw
from apps.defect_detection.training.pictures import PADDING, Pictures
from apps.defect_detection.training.recipe import Recipe

SIZE = 96


def pictures(channels: int, count: int = 6) -> Pictures:
    """Smooth random pictures, not all square, so that rounding of places changes little."""
    rng = np.random.default_rng(3)
    pixels = torch.full((count, channels, SIZE, SIZE), PADDING, dtype=torch.uint8)
    sides = torch.zeros(count, 2)
    for at in range(count):
        width, height = (SIZE, SIZE) if at % 2 else (SIZE, 60)
        for channel in range(channels):
            drawn = cv2.GaussianBlur(rng.uniform(0, 255, (height, width)), (0, 0), 4)
            pixels[at, channel, :height, :width] = torch.from_numpy(
                cv2.normalize(drawn, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
            )
        sides[at] = torch.tensor([width, height])
    low = torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(5)) * 30
    boxes = torch.cat((low, low + 20), -1)
    return Pictures(pixels=pixels, sides=sides, boxes=boxes, classes=torch.zeros(count, 2))


def composer(data: Pictures, recipe: Recipe, seed: int = 1) -> Composer:
    return Composer(data, recipe, torch.device("cpu"), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "recipe", [Recipe(size=SIZE, paste=2.0), Recipe(size=SIZE, mosaic=0.0, turns=False)]
)
def test_layers_drawn_on_the_cpu_are_those_sampled_on_the_device(
    channels: int, recipe: Recipe
) -> None:
    made = composer(pictures(channels), recipe)
    chosen = torch.arange(6)
    layers = [*made._tiles(chosen, False), *made._pastes(6)]
    drawn, sampled = draw(made.pictures, layers).float(), made.sampled(layers)
    assert drawn.shape == (6, channels, SIZE, SIZE)
    apart = (drawn - sampled).abs()
    assert apart.mean() < 0.5
    # A pixel whose centre lies on an edge to within rounding may fall on either side of it.
    assert (apart > 6).float().mean() < 0.001
    assert drawn.std() > 20


def test_a_layer_that_does_not_show_and_one_beside_the_picture_leave_it_grey() -> None:
    made = composer(pictures(1), Recipe(size=SIZE))
    layer = made._tiles(torch.arange(6), True)[0]
    layer.shows.zero_()
    assert (draw(made.pictures, [layer]) == PADDING).all()
    layer = made._tiles(torch.arange(6), True)[0]
    layer.offset.add_(10_000)
    assert (draw(made.pictures, [layer]) == PADDING).all()


def test_an_untouched_picture_comes_out_byte_by_byte() -> None:
    data = pictures(3)
    made = composer(data, Recipe(size=SIZE))
    layer = made._tiles(torch.arange(6), True)[0]
    layer.linear.copy_(torch.eye(2).expand(6, 2, 2))
    layer.offset.zero_()
    layer.shows.copy_(torch.tensor([0.0, 0.0, SIZE, SIZE]).expand(6, 4))
    assert torch.equal(draw(data, [layer]), data.pixels)


def test_colours_change_by_one_matrix_as_they_do_step_by_step() -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    hue = torch.tensor([-0.3, 0.0, 0.1, 0.4])[:, None, None, None]
    saturation = torch.tensor([-0.7, 0.0, 0.5, 0.7])[:, None, None, None]
    step_by_step = augment._colour(images, hue, saturation)
    torch.testing.assert_close(
        augment._colour_by_matrix(images, hue, saturation), step_by_step, atol=1e-5, rtol=1e-5
    )


def test_the_same_seed_composes_the_same_batch_and_its_boxes_do_not_depend_on_how_it_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = pictures(3)
    first, second = (composer(data, Recipe(size=SIZE, paste=1.0)) for _ in range(2))
    one, other = (each.batch(torch.arange(6), False) for each in (first, second))
    assert torch.equal(one.images, other.images)
    third = composer(data, Recipe(size=SIZE, paste=1.0))
    monkeypatch.setattr(
        "apps.defect_detection.training.augment.draw",
        lambda pictures, layers: third.sampled(layers),
    )
    sampled = third.batch(torch.arange(6), False)
    assert torch.equal(one.bboxes, sampled.bboxes)
    assert torch.equal(one.batch_idx, sampled.batch_idx)
    assert (one.images - sampled.images).abs().mean() < 0.005
