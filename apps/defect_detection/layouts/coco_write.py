"""Writes the COCO layout: ``annotations/instances_<split>.json`` and ``images/<split>/…``.

``group`` is a key of ours in each image's entry, which other readers pass over.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from apps.defect_detection.layouts.placing import ANY_SPLIT, Places, classes_of, labelled
from loupe.contract.labelling import ReadRecord
from loupe.contract.runtime.reporter import Reporter


def write(
    about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
) -> None:
    """See `loupe.contract.labelling.WriteLayout`. Pictures without labels are not listed."""
    classes = classes_of(about).classes
    places = Places(folder)
    documents: dict[str, dict[str, list[Any]]] = {}
    annotations = 0
    for number, record in enumerate(records, 1):
        split = record.split or ANY_SPLIT
        path = places.take(record, f"images/{split}")
        labels = labelled(record)
        if labels is None:
            continue
        document = documents.setdefault(split, {"images": [], "annotations": []})
        image = {"id": number, "file_name": path, "width": labels.width, "height": labels.height}
        document["images"].append(image | ({"group": record.group} if record.group else {}))
        for box in labels.boxes:
            annotations += 1
            width, height = box.x2 - box.x1, box.y2 - box.y1
            document["annotations"].append(
                {
                    "id": annotations,
                    "image_id": number,
                    "category_id": classes.index(box.label) + 1,
                    "bbox": [box.x1, box.y1, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
        reporter.progress(number, 0)
    categories = [{"id": i, "name": name} for i, name in enumerate(classes, 1)]
    (folder / "annotations").mkdir(exist_ok=True)
    for split, document in (documents or {ANY_SPLIT: {"images": [], "annotations": []}}).items():
        (folder / "annotations" / f"instances_{split}.json").write_text(
            json.dumps({**document, "categories": categories}, ensure_ascii=False),
            encoding="utf-8",
        )
