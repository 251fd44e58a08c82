"""Stage times as pieces of one bar."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One stage: `start` and `width` are per cent of the whole bar, `tone` one of six."""

    name: str
    milliseconds: float
    start: float
    width: float
    tone: int


def stages(times_ms: Mapping[str, float]) -> list[Piece]:
    """The bar's pieces in order; waiting in the queue is listed but takes no room in the bar."""
    worked = {name: value for name, value in times_ms.items() if name != "queue"}
    whole = sum(worked.values()) or 1.0
    pieces: list[Piece] = []
    start = 0.0
    for number, (name, value) in enumerate(times_ms.items()):
        width = 0.0 if name == "queue" else 100 * value / whole
        pieces.append(
            Piece(name=name, milliseconds=value, start=start, width=width, tone=number % 6)
        )
        start += width
    return pieces
