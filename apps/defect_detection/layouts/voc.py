"""The Pascal VOC layout: one XML file a picture, and lists of names for each split.

Corners in VOC are pixel numbers from 1, both included: a box of one pixel has xmin = xmax. Here
they become edges: x1 = xmin - 1, x2 = xmax.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from apps.defect_detection.labels import LabelledBox
from apps.defect_detection.layouts import groups
from apps.defect_detection.layouts.findings import Findings, about_of
from apps.defect_detection.layouts.tree import PICTURES, Tree, parent, stem, suffix
from apps.defect_detection.layouts.yolo_description import CLASS_LISTS, SPLITS
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

LARGEST_XML = 16 * 2**20
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def recognise(folder: Path) -> bool:
    """Whether XML files with ``<annotation>`` are there."""
    tree = Tree(folder)
    for name in tree.files:
        if suffix(name) == ".xml":
            with tree.path(name).open("rb") as file:
                return b"<annotation" in file.read(4096)
    return False


def read(folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
    """Read a VOC dataset; see `loupe.contract.labelling.ReadLayout`.

    The classes are those of a class list where there is one, then the names found, in order of the
    alphabet.

    Raises:
        InputRefused: no XML files, or unusable class names.
    """
    tree = Tree(folder)
    findings = Findings(tree)
    files = [name for name in tree.files if suffix(name) == ".xml"]
    if not files:
        raise InputRefused("There are no XML files of boxes.", code="no_voc_file")
    group_of = groups.read(tree, findings)
    read_files = [
        one for one in (_parse(tree, findings, file) for file in files) if one is not None
    ]
    listed = _listed_classes(tree)
    found = {name for one in read_files for name in one.names()}
    about = about_of([*listed, *sorted(found - set(listed))], "The dataset")
    splits = _splits(tree, findings)
    for one in read_files:
        _take(findings, one, splits, group_of)
    for name in tree.pictures:
        if name not in findings.records and name not in _refused(findings):
            findings.warn(name, "no_labels", "There is no XML file for it; it came in unlabelled.")
            if findings.size_of(name) is not None:
                findings.add(name, None, group=group_of.get(name, ""))
    return findings.finish(about)


@dataclass(frozen=True, kw_only=True)
class _Annotation:
    """One parsed XML file."""

    file: str
    root: Element

    def text(self, path: str) -> str:
        return (self.root.findtext(path) or "").strip()

    def names(self) -> set[str]:
        return {
            name
            for each in self.root.findall("object")
            if (name := (each.findtext("name") or "").strip())
        }


def _parse(tree: Tree, findings: Findings, file: str) -> _Annotation | None:
    if tree.files[file] > LARGEST_XML:
        findings.refuse(file, "file_too_large", f"The file has {tree.files[file]:,} bytes.")
        return None
    try:
        root = fromstring(
            tree.path(file).read_bytes(),
            forbid_dtd=True,
            forbid_entities=True,
            forbid_external=True,
        )
    except DefusedXmlException:
        findings.refuse(
            file,
            "entities_refused",
            "The file declares a document type or entities, which can read other files or fill the "
            "memory. It was not read.",
        )
        return None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        findings.refuse(file, "bad_xml", f"The file is no XML: {error}.")
        return None
    if root.tag != "annotation":
        findings.warn(
            file, "not_voc", f"The file holds <{root.tag[:60]}>, no <annotation>; ignored."
        )
        return None
    return _Annotation(file=file, root=root)


def _take(
    findings: Findings, one: _Annotation, splits: dict[str, str], group_of: dict[str, str]
) -> None:
    name = _picture_of(findings, one)
    if name is None:
        return
    if name in findings.records:
        findings.refuse(
            one.file, "duplicate_name", f"Another file has the boxes of {name} already."
        )
        return
    size = findings.size_of(name)
    if size is None:
        return
    said = tuple(_number(one.text(f"size/{key}")) or 0 for key in ("width", "height"))
    labels = None
    objects = one.root.findall("object")
    if 0 not in said and said != size and objects:
        findings.refuse(
            one.file,
            "size_differs",
            f"The file says {said[0]:g} × {said[1]:g} pixels; upright the picture is {size[0]} × "
            f"{size[1]}, so its boxes cannot be placed.",
        )
    else:
        boxes = [_box(findings, one.file, i, each, size) for i, each in enumerate(objects)]
        good = [box for box in boxes if box is not None]
        if len(good) == len(boxes):
            labels = findings.labels(good, size, one.file)
    last = stem(one.file).rpartition("/")[2]
    findings.add(name, labels, group=group_of.get(name, ""), split=splits.get(last, ""))


def _picture_of(findings: Findings, one: _Annotation) -> str | None:
    """The picture beside the XML file, in ``JPEGImages``, or the only one of its name."""
    tree = findings.tree
    said = one.text("filename").replace("\\", "/").rpartition("/")[2]
    own = stem(one.file).rpartition("/")[2]
    here = parent(one.file)
    top = parent(here)
    relative = stem(one.file).partition("Annotations/")[2] or own
    wanted = [said] if suffix(said) in PICTURES else []
    wanted += [f"{own}{ending}" for ending in sorted(PICTURES)]
    folders = [here, *(f"{top}/{part}".lstrip("/") for part in ("JPEGImages", "images", ""))]
    deeper = [f"JPEGImages/{relative}{ending}" for ending in sorted(PICTURES)]
    candidates = [f"{folder}/{last}".lstrip("/") for folder in folders for last in wanted]
    for candidate in deeper + candidates:
        if candidate in tree.files:
            return candidate
    alike = [path for last in wanted for path in tree.by_name.get(last, ())]
    if len(alike) == 1:
        return alike[0]
    findings.refuse(
        one.file,
        "missing_picture",
        f"Its picture {(said or own)[:200]!r} is "
        + ("there several times." if alike else "not there."),
    )
    return None


def _box(
    findings: Findings, file: str, index: int, said: Element, size: tuple[int, int]
) -> LabelledBox | None:
    place = f"object {index + 1}"
    label = (said.findtext("name") or "").strip()
    if not label:
        findings.refuse(file, "unknown_class", f"{place} has no <name>.")
        return None
    values = [_number(said.findtext(f"bndbox/{corner}") or "") for corner in _CORNERS]
    if None in values:
        findings.refuse(
            file, "bad_box", f"{place} ({label}) has no <bndbox> of four finite numbers."
        )
        return None
    x1, y1, x2, y2 = (value for value in values if value is not None)
    if x2 <= 0 or y2 <= 0 or x1 > size[0] or y1 > size[1]:
        findings.refuse(
            file,
            "out_of_range",
            f"{place} ({label}) lies outside the picture of {size[0]} × {size[1]} pixels.",
        )
        return None
    return findings.box((x1 - 1, y1 - 1, x2, y2), label, size, file, 0)


def _splits(tree: Tree, findings: Findings) -> dict[str, str]:
    """The split of each stem, from ``ImageSets/Main/train.txt`` and its like."""
    found: dict[str, str] = {}
    for file in tree.files:
        split = SPLITS.get(stem(file).rpartition("/")[2])
        if split is None or suffix(file) != ".txt" or not parent(file).endswith("Main"):
            continue
        for number, line in enumerate(tree.text(file).splitlines(), 1):
            words = line.split()
            if not words:
                continue
            name = stem(words[0]).rpartition("/")[2] if suffix(words[0]) in PICTURES else words[0]
            if found.setdefault(name.rpartition("/")[2], split) != split:
                findings.warn(
                    file,
                    "two_splits",
                    f"{name[:200]} is in {found[name.rpartition('/')[2]]} already; that counts.",
                    number,
                )
    return found


def _listed_classes(tree: Tree) -> list[str]:
    file = next(
        (path for name in ("labels.txt", *CLASS_LISTS) for path in tree.by_name.get(name, ())), None
    )
    if file is None:
        return []
    lines = (line.strip() for line in tree.text(file).splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refused(findings: Findings) -> set[str]:
    return {problem.file for problem in findings.problems if problem.fatal}
