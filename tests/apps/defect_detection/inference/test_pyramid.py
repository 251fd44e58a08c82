"""Tiles of a large image put together again are the image."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from apps.defect_detection.inference.pyramid import TILE, pyramid
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.pyramid import Pyramid, grid, open_pyramid


def cut(tmp_path: Path, image: np.ndarray, **options: int) -> Pyramid:
    source, kept = tmp_path / "part.png", tmp_path / "part.tiles"
    cv2.imwrite(str(source), image)
    kept.write_bytes(pyramid(source, options))
    return open_pyramid(kept)


def pixels(tile: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(tile, np.uint8), 1)
    assert found is not None
    return found


def together(found: Pyramid, level: int) -> np.ndarray:
    size = found.levels[level]
    rows = []
    for row in range(size.rows):
        line = [found.read(level, column, row) or b"" for column in range(size.columns)]
        rows.append(np.hstack([pixels(tile) for tile in line]))
    return np.vstack(rows)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (13, 18, 3), dtype=np.uint8)
    return cv2.resize(coarse, (1411, 1030), interpolation=cv2.INTER_CUBIC)


def test_each_level_shows_the_whole_image_at_its_size(tmp_path: Path, image: np.ndarray) -> None:
    found = cut(tmp_path, image)
    assert (found.width, found.height, found.tile) == (1411, 1030, TILE)
    for level, (width, height, _, _) in enumerate(grid(1411, 1030, TILE)):
        shown = together(found, level)
        assert shown.shape == (height, width, 3)
        wanted = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(shown.astype(int) - wanted).mean() < 1.5


def test_a_hairline_of_one_pixel_stays_where_it_is(tmp_path: Path) -> None:
    image = np.full((700, 700, 3), 90, np.uint8)
    image[:, 613] = (40, 40, 220)
    shown = together(cut(tmp_path, image), 0)
    assert np.argmax(shown[350, :, 2]) == 613
    assert shown[350, 613, 2] > 190
    assert abs(int(shown[350, 611, 2]) - 90) < 25


def test_a_picture_beyond_the_limit_is_refused(tmp_path: Path, image: np.ndarray) -> None:
    with pytest.raises(InputRefused, match="megapixels"):
        cut(tmp_path, image, max_pixels=1_000_000)
