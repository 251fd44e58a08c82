"""Whether each image says where it lies and what its values are; what is wrong, by file."""

from collections.abc import Sequence

from apps.report_gen.reading.faults import MISSING, Fault, Faulty, faulty
from apps.report_gen.reading.geometry.planes import axes
from apps.report_gen.reading.headers import Image
from apps.report_gen.reading.limits import Limits
from loupe.contract.text import Text

_NEEDED = Text(en="it is needed to place the image", zh="需要它来定位图像")
_LARGEST_SPACING = 10.0
_LARGEST_POSITION = 10_000.0
_LARGEST_VALUE = 1e6
_BITS = (8, 16, 32)


def misplaced(images: Sequence[Image], limits: Limits) -> list[Fault]:
    """One fault for each image that cannot be placed or read."""
    return [fault for image in images if (fault := _fault(image, limits)) is not None]


def _fault(image: Image, limits: Limits) -> Fault | None:
    try:
        _check_place(image)
        _check_values(image)
        _check_pixels(image, limits)
    except Faulty as error:
        return error.fault
    return None


def _check_place(image: Image) -> None:
    name = image.file.source.name
    for field, value in (
        ("ImagePositionPatient", image.position),
        ("ImageOrientationPatient", image.orientation),
        ("PixelSpacing", image.pixel_spacing),
    ):
        if value is None:
            raise faulty(name, "missing_tag", field, MISSING, _NEEDED)
    if image.orientation is not None and axes(image.orientation) is None:
        raise faulty(
            name,
            "bad_value",
            "ImageOrientationPatient",
            image.orientation,
            Text(
                en="two unit vectors at a right angle are needed", zh="需要两个互相垂直的单位向量"
            ),
        )
    for length in image.pixel_spacing or ():
        if not 0 < length <= _LARGEST_SPACING:
            raise faulty(
                name,
                "bad_value",
                "PixelSpacing",
                image.pixel_spacing,
                Text(
                    en=f"above 0 and at most {_LARGEST_SPACING:g} mm is allowed",
                    zh=f"允许大于 0 且不超过 {_LARGEST_SPACING:g} mm",
                ),
            )
    for place in image.position or ():
        if abs(place) > _LARGEST_POSITION:
            raise faulty(
                name,
                "bad_value",
                "ImagePositionPatient",
                image.position,
                Text(
                    en=f"within {_LARGEST_POSITION:g} mm is allowed",
                    zh=f"允许在 {_LARGEST_POSITION:g} mm 以内",
                ),
            )


def _check_values(image: Image) -> None:
    name = image.file.source.name
    for field, value in (("RescaleSlope", image.slope), ("RescaleIntercept", image.intercept)):
        if value is not None and abs(value) > _LARGEST_VALUE:
            raise faulty(
                name,
                "bad_value",
                field,
                value,
                Text(en="at most a million is allowed", zh="最多允许一百万"),
            )
    if image.slope == 0:
        raise faulty(
            name, "bad_value", "RescaleSlope", 0, Text(en="it may not be 0", zh="不得为 0")
        )


def _check_pixels(image: Image, limits: Limits) -> None:
    file = image.file
    name = file.source.name
    for field, side in (("Rows", file.rows), ("Columns", file.columns)):
        if not 1 <= side <= limits.side:
            raise faulty(
                name,
                "bad_value",
                field,
                side,
                Text(en=f"1 to {limits.side} is allowed", zh=f"允许 1 到 {limits.side}"),
            )
    if file.bits_allocated not in _BITS:
        raise faulty(
            name,
            "bad_value",
            "BitsAllocated",
            file.bits_allocated,
            Text(en="8, 16 or 32 is allowed", zh="允许 8、16 或 32"),
        )
    if not 1 <= file.bits_stored <= file.bits_allocated:
        raise faulty(
            name,
            "bad_value",
            "BitsStored",
            file.bits_stored,
            Text(
                en=f"1 to {file.bits_allocated} is allowed", zh=f"允许 1 到 {file.bits_allocated}"
            ),
        )
    if file.pixels_at == 0:
        raise faulty(
            name,
            "missing_tag",
            "PixelData",
            MISSING,
            Text(en="an image needs pixels", zh="图像需要像素"),
        )
    needed = file.rows * file.columns * file.frames * (file.bits_allocated // 8)
    if file.pixel_offset and file.pixel_bytes < needed:
        raise faulty(
            name,
            "truncated_pixels",
            "PixelData",
            Text(en=f"{file.pixel_bytes} bytes", zh=f"{file.pixel_bytes} 字节"),
            Text(en=f"{needed} bytes are needed", zh=f"需要 {needed} 字节"),
        )
