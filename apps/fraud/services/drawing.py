"""Figures of pages as numbers for SVG: amounts and scores over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

WIDTH, HEIGHT = 1000, 150
PAD = 12


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One transaction: where it stands in a picture of `WIDTH` × `HEIGHT`."""

    x: float
    y: float
    outcome: str
    amount: int
    event_ms: int
    score: float
    href: int | None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Dots, and what the axes say. Amounts are drawn by their logarithm."""

    dots: list[Dot]
    risk: str
    first_ms: int
    last_ms: int
    lowest: int
    highest: int


def timeline(
    points: Sequence[tuple[int, int, str, float, int | None]],
) -> Timeline | None:
    """From ``(event_ms, amount, outcome, score, result)``; None without any.

    `risk` is the path of the scores over time, 0 below and 1 above.
    """
    if not points:
        return None
    ordered = sorted(points, key=lambda point: point[0])
    times = [point[0] for point in ordered]
    amounts = [max(point[1], 1) for point in ordered]
    start, stop = times[0], times[-1]
    low, high = log10(min(amounts)), log10(max(amounts))

    def across(at: int) -> float:
        share = (at - start) / (stop - start) if stop > start else 0.5
        return round(PAD + share * (WIDTH - 2 * PAD), 1)

    def up(share: float) -> float:
        return round(HEIGHT - PAD - share * (HEIGHT - 2 * PAD), 1)

    dots = [
        Dot(
            x=across(at),
            y=up((log10(max(amount, 1)) - low) / (high - low) if high > low else 0.5),
            outcome=outcome,
            amount=amount,
            event_ms=at,
            score=score,
            href=result,
        )
        for at, amount, outcome, score, result in ordered
    ]
    path = " ".join(
        f"{'M' if number == 0 else 'L'}{across(point[0])} {up(min(max(point[3], 0.0), 1.0))}"
        for number, point in enumerate(ordered)
    )
    return Timeline(
        dots=dots,
        risk=path,
        first_ms=start,
        last_ms=stop,
        lowest=min(amounts),
        highest=max(amounts),
    )
