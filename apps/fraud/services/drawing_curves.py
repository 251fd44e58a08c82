"""The curve of a threshold as numbers for SVG: frauds caught over legitimate payments stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from apps.fraud.policy.curve import SMALLEST

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 32, 12, 34


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A picture of `WIDTH` × `HEIGHT`; shares of legitimate payments by their logarithm.

    Attributes:
        path: of the curve.
        across: where decades stand, with their words.
        up: where tenths stand, with their words.
        limit: x of what was asked for; None: nothing was.
        between: x and width of the measured interval.
        at: where the point stands; None: nothing was measured there.
    """

    path: str
    across: list[tuple[float, str]]
    up: list[tuple[float, str]]
    limit: float | None
    between: tuple[float, float] | None
    at: tuple[float, float] | None


def drawn(
    curve: Mapping[str, Sequence[float]],
    asked: float | None,
    share: Mapping[str, Any] | None,
    recall: float | None,
) -> Drawn | None:
    """The curve with what was asked for and what was measured; None without a curve.

    Args:
        asked: the budget, a share of legitimate payments.
        share: what was measured of it: ``value``, ``low``, ``high``.
        recall: the share of frauds that are caught with it.
    """
    honest, fraud = curve.get("honest", ()), curve.get("fraud", ())
    if len(honest) < 2:
        return None
    floor = max(SMALLEST, min([x for x in honest if x > 0] + ([asked] if asked else [])) / 2)

    def x(value: float) -> float:
        place = (log10(max(value, floor)) - log10(floor)) / -log10(floor)
        return round(LEFT + place * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM), 1)

    steps = []
    for at, (one, caught) in enumerate(zip(honest, fraud, strict=True)):
        steps.append(f"{'L' if at else 'M'}{x(one)} {y(caught)}")
    decades = [10.0**power for power in range(int(log10(floor)) - 1, 1) if 10.0**power >= floor]
    measured = share or {}
    value, low, high = (measured.get(name) for name in ("value", "low", "high"))
    return Drawn(
        path=" ".join(steps),
        across=[(x(one), f"{100 * one:g} %") for one in decades],
        up=[(y(tenth / 4), f"{25 * tenth} %") for tenth in range(5)],
        limit=x(asked) if asked else None,
        between=(x(low), max(2.0, x(high) - x(low)))
        if low is not None and high is not None
        else None,
        at=(x(value), y(recall)) if value is not None and recall is not None else None,
    )
