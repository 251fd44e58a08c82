"""How people label pictures: boxes in source pixels, and the classes of a dataset.

`ImageLabels` are one picture's, `DatasetAbout` holds for all of them. What is the host's business
about them goes through the functions here: `check`, `count`, `merge`, `of_model` and `propose`.
Free of Django, since training reads labels too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from apps.defect_detection.schema import DetectionResult, OperatingPoint, Severity
from loupe.contract.labelling import Proposal
from loupe.contract.runtime.errors import InputRefused

MOST_CLASSES = 1000
MOST_BOXES = 10_000
DEFAULT_SEVERITY: Severity = "major"

ClassName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
Pixels = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LabelledBox(BaseModel):
    """One defect a person saw. Corners are in source pixels; x grows right, y grows down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x1: Pixels
    y1: Pixels
    x2: Pixels
    y2: Pixels
    label: ClassName

    @model_validator(mode="after")
    def _has_an_area(self) -> "LabelledBox":
        if self.x2 <= self.x1 or self.y2 <= self.y1:
            raise ValueError(
                f"The box from ({self.x1:g}, {self.y1:g}) to ({self.x2:g}, {self.y2:g}) has no "
                "area: x2 must be above x1 and y2 above y1."
            )
        return self


class ImageLabels(BaseModel):
    """One picture's labels. No boxes: a person says that it is free of defects.

    `width` and `height` are the upright picture's, as its decoder gives them, in pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    width: int = Field(ge=1, le=1_000_000)
    height: int = Field(ge=1, le=1_000_000)
    boxes: tuple[LabelledBox, ...] = Field(default=(), max_length=MOST_BOXES)

    @model_validator(mode="after")
    def _inside(self) -> "ImageLabels":
        for box in self.boxes:
            if box.x2 > self.width or box.y2 > self.height:
                raise ValueError(
                    f"A box reaches to ({box.x2:g}, {box.y2:g}); the picture is {self.width} × "
                    f"{self.height} pixels. Move its corner inside."
                )
        return self


class DatasetAbout(BaseModel):
    """What holds for a whole dataset. A class's number in training is its place in `classes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    classes: tuple[ClassName, ...] = Field(default=(), max_length=MOST_CLASSES)
    severities: dict[ClassName, Severity] = Field(
        default_factory=dict, description="of a class; those not named are major"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "DatasetAbout":
        twice = [name for name, times in Counter(self.classes).items() if times > 1]
        if twice:
            raise ValueError(f"The class {twice[0]!r} is listed twice: name each class once.")
        unknown = sorted(set(self.severities) - set(self.classes))
        if unknown:
            raise ValueError(
                f"There is a severity for {unknown[0]!r}, which is not among the classes."
            )
        return self

    def severity_of(self, label: str) -> Severity:
        """How bad a defect of this class is."""
        return self.severities.get(label, DEFAULT_SEVERITY)


def check(labels: BaseModel, about: BaseModel) -> None:
    """Refuse labels that do not fit the dataset.

    Raises:
        InputRefused: a box is of a class the dataset does not have.
    """
    labels, about = _labels(labels), _about(about)
    for box in labels.boxes:
        if box.label not in about.classes:
            known = ", ".join(about.classes) or "none"
            raise InputRefused(
                f"The dataset has no class {box.label!r}; it has: {known}. Add the class to the "
                "dataset first, or choose another.",
                code="unknown_class",
            )


def count(labels: BaseModel) -> dict[str, int]:
    """How many boxes of each class."""
    return dict(Counter(box.label for box in _labels(labels).boxes))


def merge(about: BaseModel, other: BaseModel) -> DatasetAbout:
    """`about` with the classes of `other` that it lacks behind its own; its severities count."""
    mine, theirs = _about(about), _about(other)
    new = tuple(name for name in theirs.classes if name not in mine.classes)
    severities = {name: theirs.severities[name] for name in new if name in theirs.severities}
    return DatasetAbout(classes=mine.classes + new, severities={**mine.severities, **severities})


def rename(data: BaseModel, old: str, new: str) -> BaseModel:
    """A picture's labels, or what holds for the dataset, with the class `old` called `new`.

    Raises:
        InputRefused: the dataset has no class `old`, or has one called `new`.
        ValidationError: `new` cannot be a class's name.
    """
    if isinstance(data, ImageLabels):
        boxes = [
            {**box.model_dump(), "label": new if box.label == old else box.label}
            for box in data.boxes
        ]
        return ImageLabels.model_validate({**data.model_dump(), "boxes": boxes})
    about = _about(data)
    if old not in about.classes:
        known = ", ".join(about.classes) or "none"
        raise InputRefused(
            f"The dataset has no class {old!r}; it has: {known}.", code="unknown_class"
        )
    if new in about.classes:
        raise InputRefused(
            f"The dataset has a class {new!r} already. Choose another name; two classes cannot "
            "become one, because nobody could tell them apart again.",
            code="class_in_use",
        )
    classes = [new if name == old else name for name in about.classes]
    severities = {new if name == old else name: each for name, each in about.severities.items()}
    return DatasetAbout.model_validate({"classes": classes, "severities": severities})


def of_model(manifest: Mapping[str, Any]) -> DatasetAbout:
    """The classes of a model, from its manifest."""
    classes = tuple(dict.fromkeys(str(name) for name in manifest.get("classes", ())))
    severities = {
        name: level for name, level in manifest.get("severities", {}).items() if name in classes
    }
    return DatasetAbout(classes=classes, severities=severities)


def about_from(sent: Mapping[str, Sequence[str]]) -> DatasetAbout:
    """The classes that the fields ``class`` and, beside each, ``severity`` say; empty ones fall
    away.

    Raises:
        InputRefused: a severity is none that there is.
        ValidationError: a class is named twice, or its name cannot be.
    """
    names = [name.strip() for name in sent.get("class", ())]
    levels = list(sent.get("severity", ())) + [DEFAULT_SEVERITY] * len(names)
    pairs = [(name, level) for name, level in zip(names, levels, strict=False) if name]
    severities = {}
    for name, level in pairs:
        if level not in get_args(Severity):
            allowed = ", ".join(get_args(Severity))
            raise InputRefused(
                f"The severity {level!r} of {name!r} is not one of {allowed}.",
                code="severity_unknown",
            )
        severities[name] = level
    return DatasetAbout.model_validate(
        {"classes": [name for name, _level in pairs], "severities": severities}
    )


def propose(result: BaseModel, about: BaseModel, operating_point: BaseModel) -> Proposal:
    """What the operating point would ask a person about, as labels to accept: boxes of the
    dataset's classes, cut at the edge of the picture."""
    if not isinstance(result, DetectionResult) or not isinstance(operating_point, OperatingPoint):
        raise TypeError("propose takes a DetectionResult and an OperatingPoint.")
    width, height = result.image.width, result.image.height
    known = set(_about(about).classes)
    boxes, scores = [], []
    for found in result.boxes:
        if found.label not in known or found.score < operating_point.review_from_of(found.label):
            continue
        x1, x2 = (min(max(value, 0.0), width) for value in (found.x1, found.x2))
        y1, y2 = (min(max(value, 0.0), height) for value in (found.y1, found.y2))
        if x2 > x1 and y2 > y1:
            boxes.append(LabelledBox(x1=x1, y1=y1, x2=x2, y2=y2, label=found.label))
            scores.append(found.score)
    labels = ImageLabels(width=width, height=height, boxes=tuple(boxes))
    return Proposal(labels=labels, scores=scores)


def _labels(labels: BaseModel) -> ImageLabels:
    if not isinstance(labels, ImageLabels):
        raise TypeError(f"These are {type(labels).__name__}; ImageLabels are meant.")
    return labels


def _about(about: BaseModel) -> DatasetAbout:
    if not isinstance(about, DatasetAbout):
        raise TypeError(f"This is a {type(about).__name__}; DatasetAbout is meant.")
    return about
