"""A job's progress as pieces of one bar."""

from dataclasses import dataclass

from loupe.jobs.models import ItemState
from loupe.jobs.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One state of items: `start` and `width` are per cent of the bar."""

    state: str
    label: str
    count: int
    start: float
    width: float


def pieces(now: Progress) -> list[Piece]:
    """Done, failed, cancelled, running, queued, in this order; they fill the bar exactly."""
    counts = (
        (ItemState.DONE, now.done),
        (ItemState.FAILED, now.failed),
        (ItemState.CANCELLED, now.cancelled),
        (ItemState.LEASED, now.leased),
        (ItemState.QUEUED, now.queued),
    )
    found: list[Piece] = []
    start = 0.0
    for state, count in counts:
        width = 100 * count / now.total if now.total else 0.0
        found.append(
            Piece(
                state=state.value,
                label=str(state.label),
                count=count,
                start=round(start, 4),
                width=round(width, 4),
            )
        )
        start += width
    return found
