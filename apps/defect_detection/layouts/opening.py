"""Opens a dataset of any layout, for the commands and for training: `open_dataset`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from apps.defect_detection.labels import DatasetAbout, ImageLabels
from apps.defect_detection.layouts import coco, voc, yolo
from loupe.contract.labelling import ReadDataset, ReadLayout, ReadRecord
from loupe.contract.runtime import bundle
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

LAYOUTS: tuple[tuple[Callable[[Path], bool], ReadLayout], ...] = (
    (yolo.recognise, yolo.read),
    (coco.recognise, coco.read),
    (voc.recognise, voc.read),
)


def open_dataset(folder: Path, options: Mapping[str, JsonValue] | None = None) -> ReadDataset:
    """What is in `folder`: a bundle of the host's, or a dataset in YOLO, COCO or VOC layout.

    Pictures are not decoded. Records whose labels are None have none that can be used.

    Args:
        options: as the layout's reader takes them.

    Raises:
        InputRefused: it is none of these, or as a whole unusable.
    """
    if not folder.is_dir():
        raise InputRefused(f"{folder} is no folder.", code="no_folder")
    if bundle.is_bundle(folder):
        return _bundle(folder)
    for recognise, read in LAYOUTS:
        if recognise(folder):
            return read(folder, options or {})
    raise InputRefused(
        f"{folder.name} is no dataset that Loupe reads: there is no data.yaml with class names "
        "(YOLO), no JSON with images, annotations and categories (COCO), and no XML with "
        "<annotation> (VOC).",
        code="unknown_layout",
    )


def _bundle(folder: Path) -> ReadDataset:
    try:
        about = DatasetAbout.model_validate(bundle.describe(folder).get("about"))
        records = [
            ReadRecord(
                name=each.name,
                file=each.file,
                labels=ImageLabels.model_validate(each.labels),
                group=each.group,
                split=each.split,
            )
            for each in bundle.records(folder)
        ]
    except ValidationError as error:
        raise InputRefused(f"The bundle {folder.name} is damaged: {error}.") from error
    return ReadDataset(about=about, records=records)
