"""Only plain JPEGs go to a device undecoded, by their header alone."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.gpu.admit import admit
from loupe.contract.runtime.errors import InputRefused

ORIENTATION = 0x0112


def written(tmp_path: Path, mode: str = "RGB", kind: str = "JPEG", **options: Any) -> Path:
    path = tmp_path / f"picture.{kind.lower()}"
    Image.new(mode, (60, 40), 90).save(path, kind, **options)
    return path


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("L", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 0}),
        ("RGB", {"exif": turned(1)}),
    ],
)
def test_a_plain_jpeg_is_let_in_with_what_the_sandbox_would_say_of_it(
    tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    path = written(tmp_path, mode, **options)
    taken = admit(path, {})
    assert taken is not None
    assert bytes(taken.arrays["encoded"]) == path.read_bytes()
    assert dict(taken.meta) == dict(decode(path, {}).meta)


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "PNG", {}),
        ("RGB", "BMP", {}),
        ("RGB", "TIFF", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"exif": turned(6)}),
        ("RGB", "JPEG", {"exif": turned(3)}),
        ("RGB", "JPEG", {"keep_rgb": True}),
    ],
)
def test_everything_else_goes_through_the_sandbox(
    tmp_path: Path, mode: str, kind: str, options: dict[str, Any]
) -> None:
    assert admit(written(tmp_path, mode, kind, **options), {}) is None


def test_pictures_whose_barcodes_are_wanted_go_through_the_sandbox(tmp_path: Path) -> None:
    assert admit(written(tmp_path), {"codes": "any"}) is None
    assert admit(written(tmp_path), {"codes": "off"}) is not None


def test_too_many_pixels_are_refused_as_the_sandbox_does(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="at most") as refused:
        admit(written(tmp_path), {"max_pixels": 1000})
    assert refused.value.code == "too_many_pixels"


@pytest.mark.parametrize("cut", [30, 200, 400])
def test_a_file_that_is_cut_off_is_refused_before_a_device_sees_it(
    tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "cut.jpeg"
    path.write_bytes(written(tmp_path).read_bytes()[:cut])
    with pytest.raises(InputRefused) as refused:
        admit(path, {})
    assert refused.value.code == "damaged_image"


def test_no_bytes_make_it_fail_otherwise(tmp_path: Path) -> None:
    """Every header with some bytes changed is let in, sent to the sandbox or refused."""
    buffer = BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "JPEG", exif=turned(1))
    draw, path = np.random.default_rng(0), tmp_path / "odd.jpeg"
    for _ in range(300):
        data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
        data[draw.integers(3, 400, 4)] = draw.integers(0, 256, 4)
        path.write_bytes(data.tobytes())
        try:
            admit(path, {})
        except InputRefused:
            continue
