"""A picture's size from its header is the size its decoder gives."""

from pathlib import Path

import pytest
from PIL import Image

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.fingerprint import fingerprint
from apps.defect_detection.layouts.pictures import upright_size
from tests.apps.defect_detection.pictures import corners, noise


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_the_upright_one(tmp_path: Path, kind: str, orientation: int) -> None:
    path = tmp_path / "a"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(corners(48, 32)).save(path, kind, exif=exif)
    height, width = decode(path, {}).arrays["image"].shape[:2]
    assert upright_size(path) == (width, height)


def test_copies_share_their_fingerprint_and_others_do_not(tmp_path: Path) -> None:
    picture = Image.fromarray(noise(640, 480, seed=3)).resize((64, 48)).resize((640, 480))
    picture.save(tmp_path / "a.png")
    picture.resize((320, 240)).save(tmp_path / "b.jpg", quality=70)
    Image.fromarray(noise(640, 480, seed=4)).resize((64, 48)).save(tmp_path / "c.png")
    a, b, c = (fingerprint(tmp_path / name, {}) for name in ("a.png", "b.jpg", "c.png"))
    apart = [((a ^ other) & (2**64 - 1)).bit_count() for other in (b, c)]
    assert apart[0] <= 6
    assert apart[1] > 12
