"""Areas of polygons and what of them lies in a rectangle. Pure arithmetic, no library."""

from collections.abc import Callable, Sequence

Point = tuple[float, float]
Rectangle = tuple[float, float, float, float]
"""x1, y1, x2, y2."""


def area(corners: Sequence[Point]) -> float:
    """The enclosed area, by the shoelace formula; of a polygon that does not cross itself."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], *corners[:1]], strict=True):
        total += x1 * y2 - x2 * y1
    return abs(total) / 2


def clipped(corners: Sequence[Point], rectangle: Rectangle) -> list[Point]:
    """The part of a polygon inside a rectangle (Sutherland and Hodgman, 1974)."""
    x1, y1, x2, y2 = rectangle
    found = list(corners)
    sides: tuple[Callable[[Point], float], ...] = (
        lambda point: point[0] - x1,
        lambda point: x2 - point[0],
        lambda point: point[1] - y1,
        lambda point: y2 - point[1],
    )
    for depth in sides:
        found = _half(found, depth)
        if not found:
            return []
    return found


def overlap(corners: Sequence[Point], rectangle: Rectangle) -> float:
    """The area that a polygon and a rectangle share."""
    inside = clipped(corners, rectangle)
    return area(inside) if len(inside) >= 3 else 0.0


def touches(corners: Sequence[Point], rectangle: Rectangle) -> bool:
    """Whether a polygon and a rectangle have a point in common."""
    return bool(clipped(corners, rectangle))


def _half(corners: Sequence[Point], depth: Callable[[Point], float]) -> list[Point]:
    """The part of a polygon where `depth` is not negative."""
    kept: list[Point] = []
    for before, point in zip([*corners[-1:], *corners[:-1]], corners, strict=True):
        outside, inside = depth(before), depth(point)
        if (outside < 0) != (inside < 0):
            share = outside / (outside - inside)
            kept.append(
                (
                    before[0] + share * (point[0] - before[0]),
                    before[1] + share * (point[1] - before[1]),
                )
            )
        if inside >= 0:
            kept.append(point)
    return kept
