"""What an inspection stores and what its decision is set by.

`DetectionResult` is one image's result; `OperatingPoint` turns its scores into pass, fail or
review.
"""

from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.defect_detection.naming import said_by
from apps.defect_detection.picture import PictureRules

Severity = Literal["critical", "major", "minor"]
Weight = Literal["critical", "major", "minor", "ignore"]


class ImageFacts(BaseModel):
    """The image as inspected, after its EXIF orientation was applied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    channels: int = Field(
        ge=1, le=4, description="channels in the file: 1 grey, 3 colour, 4 with alpha or CMYK"
    )
    bits: int = Field(ge=1, le=16, description="bits a channel that the file's values use")


class Box(BaseModel):
    """One defect found. Corners are in source pixels; x grows right, y grows down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x1: float
    y1: float
    x2: float
    y2: float
    label: str
    score: float = Field(ge=0, le=1)
    severity: Severity = "major"

    @property
    def width(self) -> float:
        """Pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels."""
        return self.y2 - self.y1


class Code(BaseModel):
    """One barcode read in the picture; its bounds are in source pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    format: str
    x1: float
    y1: float
    x2: float
    y2: float


class DetectionResult(BaseModel):
    """Every box the model found above the score floor, highest score first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    image: ImageFacts
    boxes: tuple[Box, ...] = ()
    tiles: int = Field(default=1, ge=1, description="views the network looked at")
    runtime: str = Field(default="", description="which runtime ran the network")
    file: str = Field(default="", description="what the sender called the picture")
    view: str = Field(default="", description="which view the sender said it is")
    codes: tuple[Code, ...] = Field(default=(), description="barcodes, where they are asked for")


class SizeRule(BaseModel):
    """How much a defect weighs from a size on, up to the next rule's size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_mm: float = Field(ge=0, description="the longer side, millimetres")
    severity: Weight = Field(description="ignore: it is no defect by the specification")


class ClassRule(BaseModel):
    """What differs for one class. A value left empty is the operating point's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float | None = Field(default=None, ge=0, le=1)
    review_from: float | None = Field(default=None, ge=0, le=1)
    severity: Severity | None = None
    min_side: float | None = Field(default=None, ge=0, description="pixels")
    sizes: tuple[SizeRule, ...] | None = Field(
        default=None, description="severity by size in mm, smallest first; wins over severity"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "ClassRule":
        _ascending(self.sizes)
        if (
            self.threshold is not None
            and self.review_from is not None
            and self.review_from > self.threshold
        ):
            raise ValueError(
                f"review_from is {self.review_from} and threshold is {self.threshold}: the review "
                "band must start at or below the threshold. Lower review_from."
            )
        return self


class OperatingPoint(BaseModel):
    """Where scores turn into decisions.

    A box at or above the threshold of its class decides the image: `critical` and `major` defects
    fail it, `minor` ones send it to review. A box between `review_from` and the threshold sends it
    to review. Boxes whose longer side is below `min_side` are ignored. `sizes` say how much a
    defect weighs by its longer side in millimetres: the last rule whose size it reaches counts,
    below the first one its class's severity holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    threshold: float = Field(default=0.5, ge=0, le=1)
    review_from: float = Field(default=0.3, ge=0, le=1)
    min_side: float = Field(default=0, ge=0, description="pixels")
    mm_per_pixel: float | None = Field(
        default=None, gt=0, description="millimetres a source pixel covers; empty: not known"
    )
    sizes: tuple[SizeRule, ...] = Field(
        default=(), description="severity by size in mm, smallest first; needs mm_per_pixel"
    )
    classes: dict[str, ClassRule] = Field(default_factory=dict)
    picture: PictureRules = Field(
        default_factory=PictureRules, description="regions, masks, names and codes of a product"
    )
    score_floor: float = Field(
        default=0.1, ge=0.01, le=1, description="boxes below it are not even stored"
    )
    overlap: float = Field(
        default=0.7, gt=0, le=1, description="IoU above which two boxes of a class are one defect"
    )
    tile_above: int = Field(
        default=1600, ge=640, description="images with a longer side, in pixels, are cut into tiles"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "OperatingPoint":
        if self.review_from > self.threshold:
            raise ValueError(
                f"review_from is {self.review_from} and threshold is {self.threshold}: the review "
                "band must start at or below the threshold. Lower review_from."
            )
        _ascending(self.sizes)
        sized = self.sizes or any(rule.sizes for rule in self.classes.values())
        if sized and self.mm_per_pixel is None:
            raise ValueError(
                "sizes are in millimetres, but mm_per_pixel is empty. Say how many millimetres one "
                "pixel covers, or leave sizes empty."
            )
        return self

    def view_of(self, result: DetectionResult) -> str:
        """Which view a picture is: as the sender said, else as its file is called."""
        if result.view or not self.picture.file_names:
            return result.view
        return said_by(self.picture.file_names, [result.file], files=True).get("view", "")

    def rule(self, label: str) -> ClassRule:
        """The rule of a class; an empty one where none was set."""
        return self.classes.get(label) or ClassRule()

    def threshold_of(self, label: str) -> float:
        """The score from which a defect of this class counts."""
        own = self.rule(label).threshold
        return self.threshold if own is None else own

    def review_from_of(self, label: str) -> float:
        """The score from which a person is asked; never above the class's threshold."""
        own = self.rule(label).review_from
        return min(self.review_from if own is None else own, self.threshold_of(label))

    def min_side_of(self, label: str) -> float:
        """The longer side, in pixels, below which a box of this class is ignored."""
        own = self.rule(label).min_side
        return self.min_side if own is None else own

    def sizes_of(self, label: str) -> tuple[SizeRule, ...]:
        """The size rules of a class, smallest first."""
        own = self.rule(label).sizes
        return self.sizes if own is None else own

    def severity_of(self, label: str, side: float, usual: Severity) -> Severity | None:
        """How much a defect of this class weighs whose longer side is `side` source pixels.

        Args:
            usual: the severity the model's manifest gives the class.

        Returns:
            None where it is to be ignored.
        """
        if side < self.min_side_of(label):
            return None
        weight: Weight = self.rule(label).severity or usual
        if self.mm_per_pixel is not None:
            for size in self.sizes_of(label):
                if side * self.mm_per_pixel >= size.from_mm:
                    weight = size.severity
        return None if weight == "ignore" else weight


def _ascending(sizes: tuple[SizeRule, ...] | None) -> None:
    starts = [size.from_mm for size in sizes or ()]
    if any(after <= before for before, after in pairwise(starts)):
        raise ValueError(
            f"sizes start at {starts} mm: each must start above the one before. Sort them and "
            "leave out what comes twice."
        )
