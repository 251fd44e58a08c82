"""Which places of a result are compared: what people drew, else the strongest boxes found."""

from dataclasses import dataclass
from typing import Any

from apps.defect_detection.schema import DetectionResult
from loupe.contract.runtime.payload import JsonValue

WHOLE = -1
MOST = 4
"""Places of one result that are kept; the strongest come first."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Corners are in pixels of the picture; `number` is the box's in the result, -1 the whole."""

    number: int
    x1: float
    y1: float
    x2: float
    y2: float
    label: str = ""
    score: float | None = None

    @property
    def width(self) -> float:
        """Pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels."""
        return self.y2 - self.y1

    @property
    def corners(self) -> list[JsonValue]:
        """x1, y1, x2, y2."""
        return [self.x1, self.y1, self.x2, self.y2]


def found(result: DetectionResult) -> list[Place]:
    """Every box as a place, strongest first; the whole picture where nothing was found."""
    boxes = [
        Place(
            number=number, x1=box.x1, y1=box.y1, x2=box.x2, y2=box.y2, label=box.label,
            score=box.score,
        )
        for number, box in enumerate(result.boxes)
    ]  # fmt: skip
    return sorted(boxes, key=lambda place: -(place.score or 0)) or [whole(result)]


def whole(result: DetectionResult) -> Place:
    """The whole picture."""
    image = result.image
    return Place(number=WHOLE, x1=0, y1=0, x2=image.width, y2=image.height)


def confirmed(result: DetectionResult, correction: dict[str, Any] | None) -> list[Place]:
    """What a reviewed result is remembered by, at most `MOST` places.

    Where a person drew boxes, those: they say where the defect really is.
    """
    drawn = correction.get("boxes") if correction else None
    if not isinstance(drawn, list) or not drawn:
        return found(result)[:MOST]
    return [
        Place(
            number=number, x1=float(box["x1"]), y1=float(box["y1"]), x2=float(box["x2"]),
            y2=float(box["y2"]), label=str(box["label"])[:60],
        )
        for number, box in enumerate(drawn[:MOST])
    ]  # fmt: skip
