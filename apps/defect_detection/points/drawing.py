"""The curve as SVG: shares of the drawing's width and height, so that it fits every screen.

The share axis is stretched near zero, by the square root: limits of one in a hundred are what the
page is about. The threshold axis is even.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.defect_detection.operating.curves import Curve, Curves

SIDE = 1000.0
SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
THRESHOLDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One rate: `band` and `path` are SVG path data in a square of `SIDE`."""

    band: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark on an axis: where, in percent of the drawing, and what it says."""

    at: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Everything the template draws."""

    escape: Line | None
    overkill: Line | None
    shares: tuple[Tick, ...]
    thresholds: tuple[Tick, ...]


def drawing(curves: "Curves") -> Drawing:
    """Both curves with their axes."""
    return Drawing(
        escape=_line(curves.thresholds, curves.escape),
        overkill=_line(curves.thresholds, curves.overkill),
        shares=tuple(
            Tick(at=f"{100 - 100 * share**0.5:.2f}%", label=f"{share * 100:g} %")
            for share in SHARES
        ),
        thresholds=tuple(Tick(at=across(at), label=f"{at:g}") for at in THRESHOLDS),
    )


def across(threshold: float) -> str:
    """Where a threshold stands, in percent of the width."""
    return f"{100 * threshold:.2f}%"


def _line(thresholds: Sequence[float], curve: "Curve") -> Line | None:
    if not curve.parts:
        return None
    values = [lost / curve.parts for lost in curve.losses]
    upper = list(_points(thresholds, curve.high))
    lower = list(_points(thresholds, curve.low))
    return Line(
        band="M" + " L".join([*upper, *reversed(lower)]) + " Z",
        path="M" + " L".join(_points(thresholds, values)),
    )


def _points(thresholds: Sequence[float], values: Iterable[float]) -> Iterable[str]:
    for at, value in zip(thresholds, values, strict=True):
        yield f"{at * SIDE:.1f} {SIDE - SIDE * value**0.5:.1f}"
