"""The network sees what Ultralytics would show it, bit for bit."""

import numpy as np
import pytest
import torch

from apps.defect_detection.inference.letterbox import Placement, letterbox, to_network
from apps.defect_detection.inference.quiet import ultralytics_quietly
from tests.apps.defect_detection.pictures import noise

with ultralytics_quietly():
    from ultralytics.data.augment import LetterBox
    from ultralytics.utils.ops import scale_boxes

SIZES = [
    (640, 640),
    (641, 480),
    (1920, 1080),
    (333, 1000),
    (1, 900),
    (17, 17),
    (2448, 2048),
    (639, 641),
]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_square_equals_ultralytics_letterbox(width: int, height: int) -> None:
    image = noise(width, height)
    square, _ = letterbox(image, 640)
    assert np.array_equal(square, LetterBox((640, 640), auto=False)(image=image))


def test_the_network_input_equals_ultralytics_preprocessing() -> None:
    square = noise(640, 640)
    into = np.full((3, 640, 640), np.nan, np.float32)
    to_network(square, into)
    expected = (
        torch.from_numpy(square)[None].permute(0, 3, 1, 2).contiguous().flip(1).float().div_(255)
    )
    assert np.array_equal(into, expected[0].numpy())


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_return_to_source_pixels_as_in_ultralytics(width: int, height: int) -> None:
    boxes = np.random.default_rng(0).uniform(-20, 660, (50, 4)).astype(np.float32)
    expected = scale_boxes((640, 640), torch.from_numpy(boxes.copy()), (height, width)).numpy()
    found = Placement.of(width, height, 640).to_source(boxes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
