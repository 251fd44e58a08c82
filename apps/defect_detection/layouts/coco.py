"""The COCO layout: JSON files of images, annotations and categories, and the pictures anywhere."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.defect_detection.labels import DatasetAbout, LabelledBox
from apps.defect_detection.layouts.findings import Findings, about_of
from apps.defect_detection.layouts.tree import Tree, joined, parent, suffix
from apps.defect_detection.layouts.yolo_description import SPLITS
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

_PARTS = ("images", "annotations", "categories")
_HEAD = 65536


def recognise(folder: Path) -> bool:
    """Whether a JSON file of that kind is there."""
    tree = Tree(folder)
    return any(_is_coco(tree, name) for name in tree.files if suffix(name) == ".json")


def read(folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
    """Read every COCO file of the folder; see `loupe.contract.labelling.ReadLayout`.

    Categories of several files are joined by name, in the order of their ids in the first.

    Raises:
        InputRefused: no such file, one that is no JSON, or unusable category names.
    """
    tree = Tree(folder)
    findings = Findings(tree)
    files = [n for n in tree.files if suffix(n) == ".json" and _is_coco(tree, n)]
    if not files:
        raise InputRefused(
            "There is no JSON file with images, annotations and categories.", code="no_coco_file"
        )
    documents = {file: _document(tree, file) for file in files}
    names: dict[str, None] = {}
    categories = {}
    for file, document in documents.items():
        categories[file] = _categories(findings, file, document)
        names.update(dict.fromkeys(categories[file].values()))
    about = about_of(list(names), files[0])
    for file, document in documents.items():
        _File(tree, findings, file, document, categories[file], about).read()
    for name in tree.pictures:
        if name not in findings.records and name not in _refused(findings):
            findings.warn(name, "no_labels", "No file lists this picture; it came in unlabelled.")
            if findings.size_of(name) is not None:
                findings.add(name, None)
    return findings.finish(about)


@dataclass
class _File:
    """Reads one JSON file."""

    tree: Tree
    findings: Findings
    file: str
    document: dict[str, list[Any]]
    categories: dict[int, str]
    about: DatasetAbout

    def read(self) -> None:
        split = split_named(self.file)
        annotations = self._by_image()
        seen: set[int] = set()
        for index, image in enumerate(self.document["images"]):
            key = _number(image.get("id")) if isinstance(image, dict) else None
            if key is None:
                self._refuse("missing_id", f"images[{index}] has no id that is a whole number.")
                continue
            if key in seen:
                self._refuse("duplicate_id", f"images[{index}] has the id {key} of another one.")
                continue
            seen.add(key)
            self._image(image, index, annotations.pop(key, []), split)
        for key, found in annotations.items():
            self._refuse(
                "unknown_image",
                f"{len(found)} annotations, annotations[{found[0][0]}] first, belong to the image "
                f"id {key}, which is not listed.",
            )

    def _refuse(self, code: str, reason: str) -> None:
        self.findings.refuse(self.file, code, reason)

    def _by_image(self) -> dict[int, list[tuple[int, dict[str, Any]]]]:
        found: dict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
        ids: set[int] = set()
        unnamed = twice = 0
        for index, said in enumerate(self.document["annotations"]):
            if not isinstance(said, dict) or _number(said.get("image_id")) is None:
                self._refuse("missing_id", f"annotations[{index}] has no image_id.")
                continue
            own = _number(said.get("id"))
            unnamed += own is None
            twice += own is not None and own in ids
            if own is not None:
                ids.add(own)
            found[int(said["image_id"])].append((index, said))
        if unnamed:
            self.findings.warn(
                self.file,
                "annotation_without_id",
                f"{unnamed} annotations have no id; they were read all the same.",
            )
        if twice:
            self.findings.warn(
                self.file,
                "annotation_id_twice",
                f"{twice} annotations share an id with another; they were read all the same.",
            )
        return dict(found)

    def _image(
        self,
        image: dict[str, Any],
        index: int,
        annotations: list[tuple[int, dict[str, Any]]],
        split: str,
    ) -> None:
        name = self._find(image.get("file_name"), index)
        if name is None:
            return
        if name in self.findings.records:
            self._refuse(
                "duplicate_name", f"images[{index}] names {name}, which is listed already."
            )
            return
        size = self.findings.size_of(name)
        if size is None:
            return
        said = (_number(image.get("width")), _number(image.get("height")))
        whole = None not in said and said != size and annotations
        if whole:
            self._refuse(
                "size_differs",
                f"images[{index}] says that {name} is {said[0]} × {said[1]} pixels; upright it is "
                f"{size[0]} × {size[1]}, so its boxes cannot be placed.",
            )
        boxes = [] if whole else [self._box(i, said_of, size) for i, said_of in annotations]
        good = [box for box in boxes if isinstance(box, LabelledBox)]
        labels = None
        if not whole and None not in boxes:
            labels = self.findings.labels(good, size, name)
        own = str(image.get("split") or split)
        group = image.get("group")
        self.findings.add(
            name,
            labels,
            group=group.strip() if isinstance(group, str) else "",
            split=SPLITS.get(own, ""),
        )

    def _box(
        self, index: int, said: dict[str, Any], size: tuple[int, int]
    ) -> LabelledBox | bool | None:
        """The box; False where it is left out on purpose; None, and a problem, where it is bad."""
        if said.get("iscrowd") in {1}:
            self.findings.warn(
                self.file, "crowd", f"annotations[{index}] marks a crowd; it was left out."
            )
            return False
        category = _number(said.get("category_id"))
        if category is None or category not in self.categories:
            given = said.get("category_id")
            self._refuse(
                "unknown_class",
                f"annotations[{index}] has no category_id."
                if given is None
                else f"annotations[{index}] has the category_id {given!r}, which is not among the "
                "categories.",
            )
            return None
        box = said.get("bbox") or _around(said.get("segmentation"))
        if (
            not isinstance(box, list)
            or len(box) != 4
            or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in box)
        ):
            self._refuse(
                "bad_box",
                f"annotations[{index}] has no bbox of four numbers (x, y, width, height).",
            )
            return None
        if not all(map(math.isfinite, box)):
            self._refuse("not_finite", f"annotations[{index}]: a value is NaN or infinite.")
            return None
        x, y, width, height = (float(value) for value in box)
        outside = max(-x - width, -y - height, x - size[0], y - size[1])
        if outside >= 0:
            self._refuse(
                "out_of_range",
                f"annotations[{index}] lies outside its picture of {size[0]} × {size[1]} pixels.",
            )
            return None
        place = f"{self.file}#annotations[{index}]"
        label = self.categories[category]
        return self.findings.box((x, y, x + width, y + height), label, size, place, 0)

    def _find(self, said: object, index: int) -> str | None:
        """The picture that a file_name means; beside the file, in a folder of pictures, or the only
        one of that last name."""
        if not isinstance(said, str) or not said.strip():
            self._refuse("missing_name", f"images[{index}] has no file_name.")
            return None
        here = parent(self.file)
        folders = [here, parent(here), f"{parent(here)}/images".lstrip("/"), "images", ""]
        candidates = [joined(folder, said) for folder in folders]
        found = next((name for name in candidates if name and name in self.tree.files), None)
        if found is not None:
            return found
        alike = self.tree.by_name.get(said.replace("\\", "/").rpartition("/")[2], ())
        if len(alike) == 1:
            return alike[0]
        self._refuse(
            "missing_picture",
            f"images[{index}] names {said[:200]!r}, which is "
            + ("there several times." if alike else "not there."),
        )
        return None


def split_named(file: str) -> str:
    """The split that a path hints at by a word: ``instances_train.json``, ``valid/…``."""
    for part in reversed(file.lower().split("/")):
        words = "".join(char if char.isalpha() else " " for char in part).split()
        for word in words:
            if word in SPLITS:
                return SPLITS[word]
    return ""


def _is_coco(tree: Tree, name: str) -> bool:
    with tree.path(name).open("rb") as file:
        head = file.read(_HEAD)
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    if tree.files[name] <= _HEAD or any(f'"{part}"'.encode() in head for part in _PARTS):
        with tree.path(name).open("rb") as file:
            return sum(f'"{part}"'.encode() in file.read() for part in ("annotations",)) == 1
    return False


def _document(tree: Tree, file: str) -> dict[str, list[Any]]:
    try:
        said = json.loads(tree.text(file))
    except (ValueError, RecursionError) as error:
        raise InputRefused(f"{file} is no JSON: {error}.", code="bad_json") from None
    missing = [
        part
        for part in _PARTS
        if not isinstance(said, dict) or not isinstance(said.get(part), list)
    ]
    if missing:
        raise InputRefused(f"{file} has no list of {missing[0]}.", code="bad_coco")
    return {part: said[part] for part in _PARTS}


def _categories(findings: Findings, file: str, document: dict[str, list[Any]]) -> dict[int, str]:
    found: dict[int, str] = {}
    for index, said in enumerate(document["categories"]):
        key = _number(said.get("id")) if isinstance(said, dict) else None
        name = said.get("name") if isinstance(said, dict) else None
        if key is None or not isinstance(name, str) or not name.strip():
            findings.refuse(file, "missing_id", f"categories[{index}] lacks an id or a name.")
        elif key in found:
            findings.refuse(file, "duplicate_id", f"categories[{index}] has the id {key} again.")
        elif name.strip() in found.values():
            findings.warn(
                file, "class_twice", f"Two categories are called {name!r}; they became one."
            )
            found[key] = name.strip()
        else:
            found[key] = name.strip()
    return dict(sorted(found.items()))


def _number(value: object) -> int | None:
    """A whole number, also one written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value if isinstance(value, int) else None


def _around(segmentation: object) -> list[float] | None:
    """The bounding box of outlines."""
    if not isinstance(segmentation, list):
        return None
    numbers = [value for outline in segmentation if isinstance(outline, list) for value in outline]
    if len(numbers) < 6 or not all(isinstance(value, int | float) for value in numbers):
        return None
    across, down = numbers[0::2], numbers[1::2]
    left, top = min(across), min(down)
    return [left, top, max(across) - left, max(down) - top]


def _refused(findings: Findings) -> set[str]:
    return {problem.file for problem in findings.problems if problem.fatal}
