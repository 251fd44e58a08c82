"""Bad pictures are refused with a sentence that says what is wrong, before they can do harm."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from apps.defect_detection.inference.decode import decode
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.pictures import corners, encoded, noise, png_claiming


def refusal(tmp_path: Path, data: bytes, **options: int) -> InputRefused:
    path = tmp_path / "picture"
    path.write_bytes(data)
    with pytest.raises(InputRefused) as caught:
        decode(path, dict(options))
    assert caught.value.message.endswith(".")
    return caught.value


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"")
    assert error.code == "empty_file"
    assert "0 bytes" in error.message


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    data = encoded(noise(200, 150), kind)
    error = refusal(tmp_path, data[: int(len(data) * share)])
    assert error.code == "damaged_image"
    assert kind in error.message
    assert "damaged or cut off" in error.message


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_a_header_alone_is_refused(tmp_path: Path, kind: str) -> None:
    error = refusal(tmp_path, encoded(noise(), kind)[:14])
    assert error.code in ("damaged_image", "not_an_image")


def test_an_svg_is_refused_by_what_it_is(tmp_path: Path) -> None:
    error = refusal(tmp_path, b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    assert error.code == "not_an_image"
    assert "SVG" in error.message


@pytest.mark.parametrize("data", [b"hello, world", b"GIF89a" + bytes(20), b"%PDF-1.7", b"\0" * 64])
def test_what_is_no_picture_is_refused_with_the_formats_that_are_read(
    tmp_path: Path, data: bytes
) -> None:
    error = refusal(tmp_path, data)
    assert error.code == "not_an_image"
    assert "JPEG, PNG, BMP, WebP and TIFF" in error.message


def test_a_fifty_thousand_squared_bomb_is_refused_from_its_header(tmp_path: Path) -> None:
    error = refusal(tmp_path, png_claiming(50_000, 50_000))
    assert error.code == "too_many_pixels"
    assert "2500 megapixels" in error.message


def test_a_bomb_in_tiff_is_refused_from_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    tiles = (np.zeros((8000, 8000), np.uint8) for _ in range(49))
    tifffile.imwrite(
        path,
        tiles,
        compression="zlib",
        shape=(50_000, 50_000),
        tile=(8000, 8000),
        dtype=np.uint8,
    )
    with pytest.raises(InputRefused, match="2500 megapixels"):
        decode(path, {})


def test_the_pixel_limit_is_the_option_given(tmp_path: Path) -> None:
    assert refusal(tmp_path, encoded(noise(), "PNG"), max_pixels=1000).code == "too_many_pixels"


def test_pictures_without_pixels_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, png_claiming(0, 10)).code == "damaged_image"


def test_several_pages_are_refused_and_a_thumbnail_is_not(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(corners())
        file.write(corners())
    with pytest.raises(InputRefused, match="several pages") as caught:
        decode(path, {})
    assert caught.value.code == "many_pages"
    with tifffile.TiffWriter(path) as file:
        file.write(corners())
        file.write(corners(8, 8), subfiletype=1)
    assert decode(path, {}).meta["width"] == 48


def test_animations_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    for kind in ("WEBP", "PNG"):
        path = tmp_path / kind
        frames[0].save(path, kind, save_all=True, append_images=frames[1:])
        with pytest.raises(InputRefused, match="animation"):
            decode(path, {})


def test_floating_point_tiffs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.float32))
    with pytest.raises(InputRefused, match="Convert it to 16 bits"):
        decode(path, {})


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_files_with_random_damage_are_read_or_refused_and_nothing_else(
    tmp_path: Path, kind: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(encoded(noise(40, 30), kind))
    for _ in range(int(rng.integers(1, 8))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    path = tmp_path / "picture"
    path.write_bytes(bytes(data))
    with suppress(InputRefused):  # anything else that it raises fails the test
        assert decode(path, {"max_pixels": 10_000_000}).arrays["image"].ndim == 3


def test_a_jpeg_that_hides_its_end_in_a_thumbnail_is_refused(tmp_path: Path) -> None:
    data = encoded(noise(120, 90), "JPEG")
    thumbnail = encoded(noise(16, 12), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert refusal(tmp_path, data[:2] + segment + data[2:-40]).code == "damaged_image"
