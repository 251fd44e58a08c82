"""A view of a part as pages draw it: its picture with what counts on it."""

from dataclasses import dataclass
from typing import Any

from apps.defect_detection.decide import counting, standing
from apps.defect_detection.models import View
from apps.defect_detection.schema import DetectionResult, OperatingPoint


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A box as shares of the picture's width and height; `counts`: it decided with others."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float
    severity: str
    counts: bool

    @property
    def percent(self) -> dict[str, str]:
        """The same for attributes of SVG, in percent."""
        shares = {"x": self.x, "y": self.y, "width": self.width, "height": self.height}
        return {name: f"{share * 100:.3f}%" for name, share in shares.items()}


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A view with its marks, and regions and masks as points of SVG polygons in pixels."""

    view: View
    width: int
    height: int
    marks: tuple[Mark, ...]
    reasons: list[dict[str, Any]]
    codes: tuple[str, ...]
    regions: tuple[str, ...]
    masks: tuple[str, ...]


def marked(view: View) -> Marked:
    """A view whose result is fetched with decision and provenance."""
    result = DetectionResult.model_validate(view.result.data)
    stored = view.result.provenance.operating_point
    point = OperatingPoint.model_validate(stored.data if stored else {})
    deciding = {id(box) for box in counting(result, point)}
    size = result.image
    where = view.name or point.view_of(result)
    marks = tuple(
        Mark(
            x=box.x1 / size.width,
            y=box.y1 / size.height,
            width=box.width / size.width,
            height=box.height / size.height,
            label=box.label,
            score=box.score,
            severity=box.severity,
            counts=id(box) in deciding,
        )
        for box in standing(result, point)
        if id(box) in deciding
    )
    return Marked(
        view=view,
        width=size.width,
        height=size.height,
        marks=marks,
        reasons=view.result.decision.reasons,
        codes=tuple(code.text for code in result.codes),
        regions=tuple(
            _points(area.corners, size.width, size.height)
            for area in point.picture.regions_of(where)
        ),
        masks=tuple(
            _points(area.corners, size.width, size.height) for area in point.picture.masks_of(where)
        ),
    )


def _points(corners: tuple[tuple[float, float], ...], width: int, height: int) -> str:
    return " ".join(f"{x * width:.1f},{y * height:.1f}" for x, y in corners)
