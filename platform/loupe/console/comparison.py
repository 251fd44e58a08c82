"""The chart that answers "is it better": figures of several versions on the same data, as dots with
their 95 % intervals, placed in per cent so that they fit any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from loupe.contract.runtime.panel import Figure
from loupe.registry.models import ModelVersion

MOST_FIGURES = 6
_MARGIN = 4.0  # per cent of the axis left free on both sides


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One version's figure on its axis; positions are per cent, None where it was not computed."""

    version: ModelVersion
    figure: Figure
    at: float | None
    low: float | None
    high: float | None
    shown: bool


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One figure with the versions that have it. `least` and `most` are its ends in figures."""

    figure: Figure
    marks: tuple[Mark, ...]
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the first figure says: `better`, `worse`, `unclear`, or `alone` where it is."""

    key: str
    figure: Figure
    other: Figure | None = None
    against: ModelVersion | None = None


def axes(
    measured: Sequence[tuple[ModelVersion, Sequence[Figure]]], shown: ModelVersion
) -> list[Axis]:
    """An axis for each leading figure of `shown`, with every version that has it."""
    own = next((figures for version, figures in measured if version.pk == shown.pk), ())
    found = []
    for leading in own[:MOST_FIGURES]:
        rows = [
            (version, figure)
            for version, figures in measured
            for figure in figures
            if figure.key == leading.key and figure.value is not None
        ]
        ends = [
            end
            for _, figure in rows
            for end in (figure.value, figure.low, figure.high)
            if end is not None
        ]
        if not ends:
            continue
        least, most = min(ends), max(ends)
        if least == most:
            least, most = least - 0.5 * abs(least or 1.0), most + 0.5 * abs(most or 1.0)
        marks = tuple(
            Mark(
                version=version,
                figure=figure,
                at=_place(figure.value, least, most),
                low=_place(figure.low, least, most),
                high=_place(figure.high, least, most),
                shown=version.pk == shown.pk,
            )
            for version, figure in rows
        )
        found.append(Axis(figure=leading, marks=marks, least=least, most=most))
    return found


def _place(value: float | None, least: float, most: float) -> float | None:
    if value is None:
        return None
    return _MARGIN + (100 - 2 * _MARGIN) * (value - least) / (most - least)


def verdict(
    own: Sequence[Figure], theirs: Sequence[Figure], against: ModelVersion | None
) -> Verdict | None:
    """Whether the leading figure is better than that of the version in production. Intervals that
    overlap leave it open; without intervals the plain values decide nothing."""
    if not own or own[0].value is None:
        return None
    mine = own[0]
    other = next((one for one in theirs if one.key == mine.key and one.value is not None), None)
    if other is None or against is None:
        return Verdict(key="alone", figure=mine)
    key = "unclear"
    ends = (mine.low, mine.high, other.low, other.high)
    if all(end is not None for end in ends):
        above = (mine.low or 0.0) > (other.high or 0.0)
        below = (mine.high or 0.0) < (other.low or 0.0)
        if above or below:
            key = "better" if above == (mine.better == "higher") else "worse"
    return Verdict(key=key, figure=mine, other=other, against=against)
