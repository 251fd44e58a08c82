"""Every kind of picture Loupe takes arrives with the right pixels."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.depth import scale_to_8_bits
from apps.defect_detection.inference.quiet import ultralytics_quietly
from tests.apps.defect_detection.pictures import SAMPLES, corners, encoded, noise

with ultralytics_quietly():
    from ultralytics.utils.patches import imread


def decoded(tmp_path: Path, data: bytes, name: str = "picture") -> tuple[NDArray[np.uint8], dict]:
    path = tmp_path / name
    path.write_bytes(data)
    payload = decode(path, {})
    return payload.arrays["image"], dict(payload.meta)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.jpg")), ids=lambda path: path.stem)
def test_sample_jpegs_equal_ultralytics_own_reading_bit_for_bit(sample: Path) -> None:
    assert np.array_equal(decode(sample, {}).arrays["image"], imread(sample))


@pytest.mark.parametrize(
    ("kind", "channels"),
    [("PNG", 3), ("PNG", 1), ("PNG", 4), ("BMP", 3), ("BMP", 1), ("WEBP", 3), ("JPEG", 1)],
)
def test_eight_bit_files_equal_ultralytics_own_reading(
    tmp_path: Path, kind: str, channels: int
) -> None:
    image, meta = decoded(tmp_path, encoded(noise(channels=channels), kind))
    assert np.array_equal(image, imread(tmp_path / "picture"))
    assert (meta["width"], meta["height"], meta["bits"]) == (61, 47, 8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_all_eight_orientations_come_upright(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = encoded(corners(), kind, exif=exif, **options)
    image, _ = decoded(tmp_path, data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "picture")).convert("RGB"))
    assert image.shape == expected.shape
    assert np.abs(image[:, :, ::-1].astype(int) - expected).max() <= 6


def test_cmyk_jpegs_are_converted_as_pillow_does(tmp_path: Path) -> None:
    data = encoded(noise(channels=4), "JPEG", cmyk=True, quality=95)
    image, meta = decoded(tmp_path, data)
    expected = np.asarray(Image.open(tmp_path / "picture").convert("RGB"))
    assert np.array_equal(image[:, :, ::-1], expected)
    assert meta["channels"] == 4


def test_cmyk_tiffs_are_converted_as_pillow_does(tmp_path: Path) -> None:
    image, _ = decoded(tmp_path, encoded(noise(channels=4), "TIFF", cmyk=True))
    expected = np.asarray(Image.open(tmp_path / "picture").convert("RGB"))
    assert np.abs(image[:, :, ::-1].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("brightest", "bits"), [(255, 8), (1000, 10), (4095, 12), (65535, 16)])
def test_sixteen_bit_values_are_scaled_from_the_range_they_use(brightest: int, bits: int) -> None:
    deep = np.array([[0, brightest // 2, brightest]], np.uint16)
    scaled, found = scale_to_8_bits(deep)
    assert found == bits
    assert scaled.tolist() == [[0, (brightest // 2) >> (bits - 8), brightest >> (bits - 8)]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bit_files_keep_their_high_bits(tmp_path: Path, kind: str, channels: int) -> None:
    shape = (20, 30) if channels == 1 else (20, 30, 3)
    deep = np.random.default_rng(1).integers(0, 65536, shape, np.uint16)
    deep.flat[0] = 65535
    path = tmp_path / "deep"
    if kind == "png":
        path.write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    else:
        tifffile.imwrite(path, deep[..., ::-1] if channels == 3 else deep)
    payload = decode(path, {})
    wanted = (deep >> 8).astype(np.uint8)
    expected = np.repeat(wanted[..., None], 3, 2) if channels == 1 else wanted
    assert np.array_equal(payload.arrays["image"], expected)
    assert payload.meta["bits"] == 16


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_lossless_tiff_compressions_give_the_same_pixels(
    tmp_path: Path, compression: str | None, planar: str
) -> None:
    pixels = noise(channels=3)
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar, compression=compression)
    assert np.array_equal(decode(path, {}).arrays["image"], pixels[:, :, ::-1])


def test_tiled_and_jpeg_compressed_tiffs_are_read(tmp_path: Path) -> None:
    pixels = np.repeat(np.repeat(corners(8, 8), 16, 0), 16, 1)
    path = tmp_path / "picture.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), compression="jpeg")
    found = decode(path, {}).arrays["image"][:, :, ::-1].astype(int)
    assert np.abs(found - pixels).mean() < 4


def test_bilevel_palette_and_inverted_tiffs_look_as_pillow_shows_them(tmp_path: Path) -> None:
    for name, picture in {
        "bilevel": Image.fromarray(noise(channels=1) > 128),
        "palette": Image.fromarray(corners()).quantize(4),
    }.items():
        path = tmp_path / name
        picture.save(path, "TIFF")
        expected = np.asarray(Image.open(path).convert("RGB"))
        assert np.array_equal(decode(path, {}).arrays["image"][:, :, ::-1], expected), name
    grey = noise(channels=1)
    path = tmp_path / "inverted"
    tifffile.imwrite(path, 255 - grey, photometric="miniswhite")
    assert np.array_equal(decode(path, {}).arrays["image"][:, :, 0], grey)


def test_a_png_named_jpg_is_read_by_its_content(tmp_path: Path) -> None:
    image, _ = decoded(tmp_path, encoded(corners(), "PNG"), "wrong.jpg")
    assert np.array_equal(image[:, :, ::-1], corners())
