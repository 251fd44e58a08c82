"""Curves and confusion matrices as numbers for SVG and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from loupe.contract.runtime.panel import Confusion, Plot

MOST_POINTS = 400
_SHADES = 8


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve; `points` is what an SVG polyline takes, in a square of 100 with y upwards."""

    plot: Plot
    points: str
    colour: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Curves over the same axes."""

    first: Plot
    lines: tuple[Line, ...]
    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One count; `shade` from 0 to 8 is its share of the row, `right` on the diagonal."""

    count: int
    shade: int
    right: bool


def charts(plots: Sequence[Plot]) -> list[Chart]:
    """Plots with the same axes share a chart, in their order."""
    groups: dict[tuple[str, str], list[Plot]] = {}
    for plot in plots:
        if plot.points:
            groups.setdefault((plot.x_en, plot.y_en), []).append(plot)
    return [_chart(group) for group in groups.values()]


def _chart(plots: Sequence[Plot]) -> Chart:
    xs = [x for plot in plots for x, _ in plot.points]
    ys = [y for plot in plots for _, y in plot.points]
    left, right = _ends(xs)
    bottom, top = _ends(ys)
    lines = tuple(
        Line(
            plot=plot,
            colour=number % 6,
            points=" ".join(
                f"{_part(x, left, right):.2f},{100 - _part(y, bottom, top):.2f}"
                for x, y in _thinned(plot.points)
            ),
        )
        for number, plot in enumerate(plots)
    )
    return Chart(first=plots[0], lines=lines, left=left, right=right, bottom=bottom, top=top)


def _part(value: float, least: float, most: float) -> float:
    """Where `value` lies between the ends, in per cent."""
    return 100 * (value - least) / (most - least)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """What lies within 0 and 1 is shown on that whole range, so that curves compare by eye."""
    least, most = min(values), max(values)
    if least >= 0 and most <= 1:
        return 0.0, 1.0
    return (least, most) if most > least else (least - 0.5, most + 0.5)


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    step = -(-len(points) // MOST_POINTS)
    kept = list(points[::step])
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def matrix(confusion: Confusion) -> list[tuple[str, list[Cell]]]:
    """Rows of a confusion matrix, each shaded by its own sum."""
    rows = []
    for number, (label, counts) in enumerate(zip(confusion.labels, confusion.values, strict=False)):
        total = max(1, sum(counts))
        cells = [
            Cell(count=count, shade=round(_SHADES * count / total), right=column == number)
            for column, count in enumerate(counts)
        ]
        rows.append((label, cells))
    return rows
