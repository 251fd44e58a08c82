"""What a reader finds wrong, and the records whose labels that costs."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from apps.defect_detection.labels import DatasetAbout, ImageLabels, LabelledBox
from apps.defect_detection.layouts.pictures import upright_size
from apps.defect_detection.layouts.tree import Tree
from loupe.contract.labelling import Problem, ReadDataset, ReadRecord
from loupe.contract.runtime.errors import InputRefused

MOST_PROBLEMS = 20_000
ROUNDING_PIXELS = 1.0
"""Corners this far outside are what rounding made of a box at the edge."""
DECIMALS = 3
"""Of a pixel: finer than anybody draws, coarse enough that a box survives shares and back."""


@dataclass
class Findings:
    """Problems in the order they were found, and the records so far, by name."""

    tree: Tree
    problems: list[Problem] = field(default_factory=list)
    records: dict[str, ReadRecord] = field(default_factory=dict)
    dropped: int = 0

    def warn(self, file: str, code: str, reason: str, line: int = 0) -> None:
        """Note something odd that costs nothing."""
        self._add(Problem(file=_shown(file), reason=reason, code=code, line=line, fatal=False))

    def refuse(self, file: str, code: str, reason: str, line: int = 0) -> None:
        """Note something that costs a record its labels."""
        self._add(Problem(file=_shown(file), reason=reason, code=code, line=line))

    def _add(self, problem: Problem) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.dropped += 1

    def size_of(self, name: str) -> tuple[int, int] | None:
        """The upright size of a picture of the tree; None, and a problem, where it is none."""
        try:
            return upright_size(self.tree.path(name))
        except InputRefused as error:
            self.refuse(name, error.code, error.message)
            return None

    def add(
        self, name: str, labels: ImageLabels | None, *, group: str = "", split: str = ""
    ) -> None:
        """Take a picture as a record; a second one of the same name is a problem."""
        if name in self.records:
            self.warn(name, "duplicate_name", "The picture is named twice; the first one counts.")
            return
        self.records[name] = ReadRecord(
            name=name, file=self.tree.path(name), labels=labels, group=group[:100], split=split
        )

    def box(
        self,
        corners: tuple[float, float, float, float],
        label: str,
        size: tuple[int, int],
        file: str,
        line: int,
    ) -> LabelledBox | None:
        """A box from `corners` (x1, y1, x2, y2 in pixels), cut at the edge of the picture; None,
        and a problem, where it cannot be one."""
        width, height = size
        x1, y1, x2, y2 = (round(value, DECIMALS) for value in corners)
        outside = max(-x1, -y1, x2 - width, y2 - height)
        cut = (
            *(min(max(x1, 0.0), float(width)), min(max(y1, 0.0), float(height))),
            *(min(max(x2, 0.0), float(width)), min(max(y2, 0.0), float(height))),
        )
        try:
            box = LabelledBox(x1=cut[0], y1=cut[1], x2=cut[2], y2=cut[3], label=label)
        except ValidationError as error:
            self.refuse(file, "bad_box", _first(error), line)
            return None
        if outside > ROUNDING_PIXELS:
            self.warn(
                file,
                "box_cut",
                f"The box reaches {outside:.0f} pixels out of the picture ({width} × {height}) and "
                "was cut at its edge.",
                line,
            )
        return box

    def labels(
        self, boxes: list[LabelledBox], size: tuple[int, int], file: str
    ) -> ImageLabels | None:
        """A picture's labels, each box once."""
        different = list(dict.fromkeys(boxes))
        if len(different) < len(boxes):
            self.warn(
                file,
                "duplicate_box",
                f"{len(boxes) - len(different)} boxes are there twice; each counts once.",
            )
        try:
            return ImageLabels(width=size[0], height=size[1], boxes=tuple(different))
        except ValidationError as error:
            self.refuse(file, "bad_labels", _first(error))
            return None

    def finish(self, about: DatasetAbout) -> ReadDataset:
        """The dataset, with what lies about in it pointed out."""
        for link in self.tree.links:
            self.warn(link, "not_a_file", "It is a link, a device or oddly named: it was not read.")
        for name in self.tree.files:
            if name.endswith((".cache", ".pkl", ".pickle", ".npy", ".npz", ".pt", ".pth")):
                self.warn(
                    name,
                    "ignored_file",
                    "Files of this kind can carry code or are made from the labels: it was not "
                    "read.",
                )
        if self.dropped:
            self.problems.append(
                Problem(
                    file="",
                    code="too_many_problems",
                    reason=f"{self.dropped:,} more problems are not listed.",
                    fatal=False,
                )
            )
        if not about.classes:
            self.warn("", "no_classes", "The dataset names no class, so no box can be one.")
        return ReadDataset(
            about=about, records=tuple(self.records.values()), problems=tuple(self.problems)
        )


def about_of(names: list[Any], file: str) -> DatasetAbout:
    """The classes by their names.

    Raises:
        InputRefused: a name is empty, too long or there twice.
    """
    try:
        return DatasetAbout(classes=tuple(str(name) for name in names))
    except ValidationError as error:
        raise InputRefused(
            f"{file}: the class names cannot be used. {_first(error)}", code="bad_classes"
        ) from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    text = str(first["msg"]).removeprefix("Value error, ")
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "value_error":
        return text
    return f"{place}: {text}, not {str(first['input'])[:60]!r}."


def _shown(file: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in file)[:500]
