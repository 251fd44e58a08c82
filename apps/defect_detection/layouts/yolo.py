"""The YOLO layout: ``data.yaml``, pictures, and a text file of boxes beside or parallel to each.

One line is one box: ``class x y width height``, centre and size as shares of the picture. Longer
lines are outlines, of which the bounding box is taken.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.defect_detection.labels import DatasetAbout, ImageLabels, LabelledBox
from apps.defect_detection.layouts import groups, yolo_description
from apps.defect_detection.layouts.findings import Findings, about_of
from apps.defect_detection.layouts.tree import Tree, joined, parent, stem
from apps.defect_detection.layouts.yolo_description import CLASS_LISTS, Description
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

TOLERANCE = 0.01
"""Shares this far outside 0 … 1 are cut; further out the line is wrong."""
_NOT_LABELS = {*CLASS_LISTS, "train.txt", "val.txt", "test.txt", "valid.txt"}


def recognise(folder: Path) -> bool:
    """Whether a description with class names is there, and pictures."""
    tree = Tree(folder)
    try:
        return bool(tree.pictures) and yolo_description.find(tree) is not None
    except InputRefused:
        return False


def read(folder: Path, options: Mapping[str, JsonValue]) -> ReadDataset:
    """Read a YOLO dataset; see `loupe.contract.labelling.ReadLayout`.

    `options`: ``unlabelled``: ``"good"`` takes pictures without a text file as free of defects;
    otherwise they come in without labels.

    Raises:
        InputRefused: no description, unusable class names or no pictures.
    """
    tree = Tree(folder)
    findings = Findings(tree)
    description = yolo_description.read(tree, findings)
    about = about_of(list(description.classes), description.file)
    splits = _splits(tree, findings, description)
    if not splits:
        raise InputRefused("The dataset holds no pictures.", code="no_pictures")
    group_of = groups.read(tree, findings)
    reader = _Reader(tree, findings, about, options.get("unlabelled") == "good")
    for name, split in splits.items():
        reader.picture(name, split, group_of.get(name, ""))
    reader.point_out_orphans()
    return findings.finish(about)


def _splits(tree: Tree, findings: Findings, description: Description) -> dict[str, str]:
    """The split of each picture, in the description's order; empty where none is named."""
    found: dict[str, str] = {}
    told = _told(findings, description)
    for split, sources in told.items():
        for source in sources:
            if source in tree.files:
                names = _listed(tree, findings, source, parent(description.file))
            else:
                names = tree.below(source)
            for name in names:
                if found.setdefault(name, split) != split:
                    findings.warn(
                        name,
                        "two_splits",
                        f"The picture is in {found[name]} and in {split}; the first counts.",
                    )
    rest = [name for name in tree.pictures if name not in found]
    if rest and told:
        findings.warn(
            description.file,
            "pictures_outside",
            f"{len(rest)} pictures belong to no split that it names, {rest[0]} first; they came in "
            "without a split.",
        )
    return {**found, **dict.fromkeys(rest, "")}


def _told(findings: Findings, description: Description) -> dict[str, tuple[str, ...]]:
    """What each split is; nothing where training and validation are the same, as labelling tools
    write that do not know splits."""
    told = {split: sources for split, sources in description.sources.items() if sources}
    if len(told) < 2 or len(set(told.values())) > 1:
        return told
    findings.warn(
        description.file,
        "same_splits",
        f"{' and '.join(told)} name the same pictures. That tells no splits: they came in without.",
    )
    return {}


def _listed(tree: Tree, findings: Findings, file: str, base: str) -> list[str]:
    """The pictures that a list file names, one a line, relative to the file or to `base`."""
    found: dict[str, int] = {}
    for number, line in enumerate(tree.text(file).splitlines(), 1):
        if not line.strip():
            continue
        here, there = joined(parent(file), line), joined(base, line)
        name = next((path for path in (here, there) if path in tree.files), None)
        if name is None:
            findings.warn(
                file,
                "missing_picture",
                f"{line.strip()[:200]!r} is absolute, leaves the dataset or is not there.",
                number,
            )
        elif name in found:
            findings.warn(
                file,
                "duplicate_name",
                f"{name} is listed twice, first in line {found[name]}.",
                number,
            )
        else:
            found[name] = number
    return list(found)


def labels_of(name: str) -> tuple[str, str]:
    """Where a picture's boxes may be: below ``labels/`` in place of the last ``images/``, or beside
    it."""
    beside = f"{stem(name)}.txt"
    parts = beside.split("/")
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            return "/".join([*parts[:index], "labels", *parts[index + 1 :]]), beside
    return beside, beside


@dataclass
class _Reader:
    """Reads one picture after the other and remembers whose text files were used."""

    tree: Tree
    findings: Findings
    about: DatasetAbout
    missing_is_good: bool

    def __post_init__(self) -> None:
        self.used: dict[str, str] = {}

    def picture(self, name: str, split: str, group: str) -> None:
        size = self.findings.size_of(name)
        if size is None:
            return
        file = next((file for file in labels_of(name) if file in self.tree.files), None)
        labels = None
        if file is None:
            if self.missing_is_good:
                labels = ImageLabels(width=size[0], height=size[1])
            else:
                self.findings.warn(
                    name, "no_labels", "There is no text file of boxes; it came in unlabelled."
                )
        elif file in self.used:
            self.findings.refuse(
                name,
                "duplicate_name",
                f"{file} belongs to {self.used[file]}, which has the same name but for its ending.",
            )
        else:
            self.used[file] = name
            labels = self._read(file, size)
        self.findings.add(name, labels, group=group, split=split)

    def point_out_orphans(self) -> None:
        """Text files that look like labels and belong to no picture."""
        for file in self.tree.files:
            if not file.endswith(".txt") or file in self.used:
                continue
            last = file.rpartition("/")[2]
            if last in _NOT_LABELS or last.lower().startswith("readme"):
                continue
            if "labels" in file.split("/")[:-1] or _looks_like_boxes(self.tree, file):
                self.findings.warn(file, "no_picture", "There is no picture of this name.")

    def _read(self, file: str, size: tuple[int, int]) -> ImageLabels | None:
        try:
            text = self.tree.text(file)
        except InputRefused as error:
            self.findings.refuse(file, error.code, error.message)
            return None
        boxes: list[LabelledBox] = []
        whole = True
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            box = self._line(line, size, file, number)
            whole = whole and box is not None
            if box is not None:
                boxes.append(box)
        return self.findings.labels(boxes, size, file) if whole else None

    def _line(self, line: str, size: tuple[int, int], file: str, number: int) -> LabelledBox | None:
        refuse = self.findings.refuse
        words = line.split()
        if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
            refuse(
                file,
                "bad_line",
                f"The line has {len(words)} values; a box has 5 (class x y width height).",
                number,
            )
            return None
        try:
            index, *shares = (float(word) for word in words)
        except ValueError:
            refuse(file, "bad_line", f"{line.strip()[:80]!r} are not all numbers.", number)
            return None
        if not all(map(math.isfinite, (index, *shares))):
            refuse(file, "not_finite", "A value is NaN or infinite.", number)
            return None
        if index != int(index) or not 0 <= index < len(self.about.classes):
            refuse(
                file,
                "unknown_class",
                f"The class {words[0]} is not one of the {len(self.about.classes)} that "
                "data.yaml names, counted from 0.",
                number,
            )
            return None
        if not all(-TOLERANCE <= share <= 1 + TOLERANCE for share in shares):
            worst = max(shares, key=lambda share: abs(share - 0.5))
            refuse(
                file,
                "out_of_range",
                f"{worst:g} is not between 0 and 1: values are shares of the picture's width and "
                "height.",
                number,
            )
            return None
        label = self.about.classes[int(index)]
        return self.findings.box(_corners(shares, size), label, size, file, number)


def _corners(shares: list[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    width, height = size
    if len(shares) > 4:
        across, down = shares[0::2], shares[1::2]
        return (
            *(min(across) * width, min(down) * height),
            *(max(across) * width, max(down) * height),
        )
    x, y, w, h = shares
    return (
        *((x - w / 2) * width, (y - h / 2) * height),
        *((x + w / 2) * width, (y + h / 2) * height),
    )


def _looks_like_boxes(tree: Tree, file: str) -> bool:
    """Whether the first line of a small text file is a box in shares of the picture."""
    if tree.files[file] > 2**20:
        return False
    try:
        words = next(iter(tree.text(file).splitlines()), "").split()
        return len(words) == 5 and all(0 <= float(word) <= 1 for word in words[1:])
    except (InputRefused, ValueError):
        return False
