"""Writes the Pascal VOC layout: ``Annotations``, ``JPEGImages``, ``ImageSets/Main``."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pydantic import BaseModel

from apps.defect_detection.labels import ImageLabels
from apps.defect_detection.layouts import groups
from apps.defect_detection.layouts.placing import (
    ANY_SPLIT,
    Places,
    classes_of,
    labelled,
    plain_name,
)
from apps.defect_detection.layouts.tree import stem
from loupe.contract.labelling import ReadRecord
from loupe.contract.runtime.reporter import Reporter

PICTURES = "JPEGImages"


def write(
    about: BaseModel, records: Iterator[ReadRecord], folder: Path, reporter: Reporter
) -> None:
    """See `loupe.contract.labelling.WriteLayout`. Folders in names become part of the name."""
    places, grouped = Places(folder), []
    listed: dict[str, list[str]] = defaultdict(list)
    (folder / "Annotations").mkdir()
    for number, record in enumerate(records, 1):
        flat = ReadRecord(
            name=plain_name(record).replace("/", "_"),
            file=record.file,
            labels=None,
            split=record.split,
        )
        path = places.take(flat, PICTURES)
        last = path.removeprefix(f"{PICTURES}/")
        grouped.append((path, record.group))
        labels = labelled(record)
        if labels is not None:
            listed[record.split or ANY_SPLIT].append(stem(last))
            target = folder / "Annotations" / f"{stem(last)}.xml"
            target.write_bytes(_document(last, labels))
        reporter.progress(number, 0)
    groups.write(folder, grouped)
    sets = folder / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    for split, names in listed.items():
        (sets / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    classes = classes_of(about).classes
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")


def _document(name: str, labels: ImageLabels) -> bytes:
    root = Element("annotation")
    _add(root, "folder", PICTURES)
    _add(root, "filename", name)
    size = SubElement(root, "size")
    for key, value in (("width", labels.width), ("height", labels.height), ("depth", 3)):
        _add(size, key, str(value))
    _add(root, "segmented", "0")
    for box in labels.boxes:
        entry = SubElement(root, "object")
        _add(entry, "name", box.label)
        for key in ("truncated", "difficult"):
            _add(entry, key, "0")
        corners = SubElement(entry, "bndbox")
        for corner, place in (
            *(("xmin", box.x1 + 1), ("ymin", box.y1 + 1)),
            *(("xmax", box.x2), ("ymax", box.y2)),
        ):
            _add(corners, corner, f"{place:.9g}")
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _add(to: Element, tag: str, text: str) -> None:
    SubElement(to, tag).text = text
