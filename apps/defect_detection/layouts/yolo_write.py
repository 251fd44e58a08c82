"""Writes the YOLO layout: ``data.yaml``, ``images/<split>/…``, ``labels/<split>/…``."""

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from apps.defect_detection.labels import ImageLabels
from apps.defect_detection.layouts import groups
from apps.defect_detection.layouts.placing import ANY_SPLIT, Places, classes_of, labelled
from apps.defect_detection.layouts.tree import stem
from loupe.contract.labelling import ReadRecord
from loupe.contract.runtime.reporter import Reporter


def write(
    about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
) -> None:
    """See `loupe.contract.labelling.WriteLayout`. Pictures without labels get no text file."""
    classes = classes_of(about).classes
    places, grouped, splits = Places(folder), [], set[str]()
    for number, record in enumerate(records, 1):
        split = record.split or ANY_SPLIT
        splits.add(split)
        path = places.take(record, f"images/{split}")
        grouped.append((path, record.group))
        labels = labelled(record)
        if labels is not None:
            target = folder / f"{stem('labels' + path.removeprefix('images'))}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_lines(labels, classes), encoding="utf-8")
        reporter.progress(number, 0)
    for split in splits:
        (folder / "images" / split).mkdir(parents=True, exist_ok=True)
    groups.write(folder, grouped)
    # Words are quoted as JSON does, which is YAML too: a class called "no" stays a word.
    lines = ["path: ."]
    lines += [f"{split}: images/{split}" for split in ("train", "val", "test") if split in splits]
    lines += [f"nc: {len(classes)}", "names:" if classes else "names: []"]
    lines += [f"  {i}: {json.dumps(name, ensure_ascii=False)}" for i, name in enumerate(classes)]
    (folder / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lines(labels: ImageLabels, classes: tuple[str, ...]) -> str:
    lines = []
    for box in labels.boxes:
        x, y = (box.x1 + box.x2) / 2 / labels.width, (box.y1 + box.y2) / 2 / labels.height
        width, height = (box.x2 - box.x1) / labels.width, (box.y2 - box.y1) / labels.height
        numbers = " ".join(f"{value:.9g}" for value in (x, y, width, height))
        lines.append(f"{classes.index(box.label)} {numbers}\n")
    return "".join(lines)
