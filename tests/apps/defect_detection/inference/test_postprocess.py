"""Boxes that are kept are the boxes Ultralytics keeps."""

import numpy as np
import pytest
import torch
import torchvision  # noqa: F401 - Ultralytics uses its NMS once it is imported

from apps.defect_detection.inference.postprocess import MAX_BOXES, from_end2end, from_raw
from apps.defect_detection.inference.quiet import ultralytics_quietly

with ultralytics_quietly():
    from ultralytics.utils.nms import non_max_suppression


def head(seed: int, classes: int, anchors: int, crowd: int) -> np.ndarray:
    """A raw head [4 + classes, anchors] whose boxes crowd around a few places."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(40, 600, (crowd, 2))
    centre = places[rng.integers(crowd, size=anchors)] + rng.normal(0, 6, (anchors, 2))
    size = rng.uniform(8, 120, (anchors, 2))
    scores = rng.beta(0.4, 3, (anchors, classes))
    return np.concatenate([centre, size, scores], 1).T.astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("classes", "anchors"), [(1, 50), (7, 300), (3, 2100), (80, 8400)])
@pytest.mark.parametrize(("floor", "overlap"), [(0.1, 0.7), (0.25, 0.45), (0.6, 0.5)])
def test_kept_boxes_equal_ultralytics(
    seed: int, classes: int, anchors: int, floor: float, overlap: float
) -> None:
    raw = head(seed, classes, anchors, crowd=12)
    expected = non_max_suppression(
        torch.from_numpy(raw[None].copy()), floor, overlap, max_det=MAX_BOXES, nc=classes
    )[0].numpy()
    found = from_raw(raw, floor, overlap)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_nothing_above_the_floor_gives_no_boxes() -> None:
    assert from_raw(head(0, 3, 100, 4), 0.9999, 0.7).shape == (0, 6)


def test_an_nms_free_head_is_only_thresholded() -> None:
    rows = np.random.default_rng(0).uniform(0, 1, (300, 6)).astype(np.float32)
    expected = non_max_suppression(torch.from_numpy(rows[None]), 0.4, end2end=True)[0].numpy()
    found = from_end2end(rows, 0.4)
    assert np.array_equal(np.sort(found, 0), np.sort(expected, 0))
    assert (np.diff(found[:, 4]) <= 0).all()
