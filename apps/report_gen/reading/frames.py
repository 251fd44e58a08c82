"""The images of one file: one, or as many as an enhanced CT has frames.

An enhanced CT says where a frame lies in its functional groups: what all frames share, and what
each has of its own. A multi-frame file without them says nothing, and is refused.
"""

from typing import Final

from pydicom.dataset import Dataset

from apps.report_gen.reading import tags
from apps.report_gen.reading.faults import DAMAGE, MISSING, faulty, unreadable
from apps.report_gen.reading.headers import FileHeader, Image, plain_image
from apps.report_gen.reading.limits import Limits
from loupe.contract.text import Text

ENHANCED: Final = {
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
}
_PLACE, _ORIENTATION = "PlanePositionSequence", "PlaneOrientationSequence"
_MEASURES, _VALUES = "PixelMeasuresSequence", "PixelValueTransformationSequence"
_TYPE, _CONTENT = "CTImageFrameTypeSequence", "FrameContentSequence"


def images_of(header: FileHeader, dataset: Dataset, limits: Limits) -> list[Image]:
    """Every image of a file, in the order of its frames.

    Raises:
        Faulty: frames without a place, more than the limit, or values that cannot be read.
    """
    name = header.source.name
    if not 1 <= header.frames <= limits.slices:
        raise faulty(
            name,
            "too_many_slices" if header.frames > limits.slices else "bad_value",
            "NumberOfFrames",
            header.frames,
            Text(en=f"1 to {limits.slices} are allowed", zh=f"允许 1 到 {limits.slices}"),
        )
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        if header.frames > 1:
            raise faulty(
                name,
                "multi_frame",
                "PerFrameFunctionalGroupsSequence",
                MISSING,
                Text(
                    en=f"each of its {header.frames} frames needs a position",
                    zh=f"其 {header.frames} 帧都需要位置",
                ),
                Text(
                    en="Send the series as single images or as enhanced CT.",
                    zh="请以单帧图像或增强型 CT 发送该序列。",
                ),
            )
        return [plain_image(header, dataset)]
    try:
        shared = _first(dataset, "SharedFunctionalGroupsSequence")
        groups = list(dataset.PerFrameFunctionalGroupsSequence)
    except DAMAGE as error:
        raise _groups(name, unreadable(type(error).__name__)) from error
    if len(groups) != header.frames:
        raise _groups(
            name,
            Text(
                en=f"{len(groups)} items for {header.frames} frames",
                zh=f"{header.frames} 帧对应 {len(groups)} 个条目",
            ),
        )
    return [_frame(header, shared, group, at) for at, group in enumerate(groups, start=1)]


def _frame(header: FileHeader, shared: Dataset, own: Dataset, at: int) -> Image:
    name = f"{header.source.name} (frame {at})" if at > 1 else header.source.name
    place = _group(own, shared, _PLACE)
    measures = _group(own, shared, _MEASURES)
    values = _group(own, shared, _VALUES)
    return Image(
        file=header,
        frame=at,
        position=tags.numbers(place, "ImagePositionPatient", name, 3),
        orientation=tags.numbers(
            _group(own, shared, _ORIENTATION), "ImageOrientationPatient", name, 6
        ),
        pixel_spacing=tags.numbers(measures, "PixelSpacing", name, 2),
        thickness=tags.number(measures, "SliceThickness", name),
        slope=tags.number(values, "RescaleSlope", name),
        intercept=tags.number(values, "RescaleIntercept", name),
        image_type=tags.words(_group(own, shared, _TYPE), "FrameType") or header.image_type,
        phase=(tags.number_or_none(_group(own, shared, _CONTENT), "TemporalPositionIndex"),),
    )


def _group(own: Dataset, shared: Dataset, keyword: str) -> Dataset:
    """A frame's own group goes before the shared one."""
    found = _first(own, keyword)
    return found if len(found) else _first(shared, keyword)


def _first(dataset: Dataset, keyword: str) -> Dataset:
    try:
        items = dataset.get(keyword)
        return items[0] if items else Dataset()
    except DAMAGE:
        return Dataset()


def _groups(name: str, value: Text) -> Exception:
    return faulty(
        name,
        "multi_frame",
        "PerFrameFunctionalGroupsSequence",
        value,
        Text(en="one readable item a frame is needed", zh="每帧需要一个可读的条目"),
    )
