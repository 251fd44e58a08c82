"""Which windows are kept over the events of an entity, and where each number lies in memory."""

from dataclasses import dataclass
from typing import Final

from core_kernels.errors import ArgumentRefused

#: Largest magnitude of an amount, in minor units: sums and squares over `MOST_LIVE` events fit.
LARGEST_AMOUNT: Final = 2**40 - 1

#: Most events of one entity inside its longest horizon.
MOST_LIVE: Final = 2**23

#: Times lie in ±LATEST, so that subtracting a window cannot overflow.
LATEST: Final = 2**61

#: A high and a low part tell a sum of squares: ``high · 2**SQUARE_SHIFT + low``.
SQUARE_SHIFT: Final = 40


@dataclass(frozen=True, kw_only=True)
class Entity:
    """What is kept of the events of each entity in one id column.

    A window of length w holds, for an event at time t, the events in (t − w, t] that came no later
    than it, itself included. Of events with one time, those that were fed first came first.

    Attributes:
        name: of the column, e.g. "customer"; it starts the names of the answers.
        windows: lengths in the unit of time of the events; at least one.
        delay: labels count from this long after their event; None keeps no labels.
        risk_windows: for events in (t − delay − w, t − delay] whose label is known at t; the event
            itself is in none.
        other: another id column, to count how many distinct ids of it each window holds.
        extremes: the smallest and the largest amount of each window too.
    """

    name: str
    windows: tuple[int, ...]
    delay: int | None = None
    risk_windows: tuple[int, ...] = ()
    other: str | None = None
    extremes: bool = False

    def __post_init__(self) -> None:
        """Refuse lengths that mean nothing.

        Raises:
            ArgumentRefused: a length is not positive, or risk windows and delay do not go together.
        """
        lengths = (*self.windows, *self.risk_windows)
        if not self.windows or any(length <= 0 or length > LATEST for length in lengths):
            raise ArgumentRefused(
                f"windows of {self.name!r} are {self.windows} and {self.risk_windows}; give at "
                "least one window, each a positive length of time."
            )
        if (self.delay is None) != (not self.risk_windows):
            raise ArgumentRefused(
                f"delay {self.delay} and risk_windows {self.risk_windows} of {self.name!r} go "
                "together: give both or neither."
            )
        if self.delay is not None and not 0 <= self.delay <= LATEST:
            raise ArgumentRefused(
                f"delay of {self.name!r} is {self.delay}; give a length of time from 0."
            )

    def answers(self) -> list[str]:
        """The names of the numbers told for each event, in the order of their columns."""
        parts = [f"{self.name}_since"]
        for window in self.windows:
            parts += [f"{self.name}_{what}_{window}" for what in ("count", "sum", "high", "low")]
            parts += [f"{self.name}_distinct_{window}"] * (self.other is not None)
            if self.extremes:
                parts += [f"{self.name}_{what}_{window}" for what in ("min", "max")]
        for window in self.risk_windows:
            parts += [f"{self.name}_{what}_{window}" for what in ("seen", "labelled", "frauds")]
        return parts


# Of the head row of an entity: positions count its events from 0 and never go back.
KEY: Final = 0
BASE: Final = 1  #: where its log begins in the arena, in entries
ROOM: Final = 2  #: entries of its log, a power of two; 0 before the first event
HEAD: Final = 3  #: events so far
TAIL: Final = 4  #: the oldest event that some window still needs
LAST: Final = 5  #: time of the newest event, or `NEVER`, or `FREED`
PASSED: Final = 6  #: the first event younger than the delay
WINDOW: Final = 7  #: here begin, for each window: first event, sum, high, low, distinct
PER_WINDOW: Final = 5
PER_RISK: Final = 3  #: first event, labelled, frauds
EXTREMES: Final = 4  #: at the end: first and end of the queue of maxima, and of minima

# Of an entry of the log.
TIME: Final = 0
AMOUNT: Final = 1
TAG: Final = 2  #: sequence number · 8 + 4 if the other id came again + label (0 none, 1 no, 2 yes)
OTHER: Final = 3
ENTRY: Final = 4

# Of the counters of a table.
ENTITIES: Final = 0
ARENA: Final = 1  #: entries handed out
PENDING: Final = 2  #: labels that wait for their time
PAIRS: Final = 3  #: pairs of an entity and another id
FREE: Final = 4  #: here begin the first free blocks, by the logarithm of their size; −1 for none
KEYS: Final = 32  #: entities in the hash, idle ones too
IDLES: Final = 33  #: places of idle entities handed out
IDLE_FREE: Final = 34  #: the first place that is free again; −1 for none
ROW_FREE: Final = 35  #: the first head row that is free again; −1 for none
SWEPT: Final = 36  #: the head row that is looked at next for being idle
KEYS_MOVED: Final = 37  #: slots of the hash before this one that are done with
PAIRS_MOVED: Final = 38  #: the same of pairs
PAIRS_SWEPT: Final = 39  #: the slot of pairs that is looked at next for having left the log
COUNTERS: Final = 40

#: In place of the time of an entity's newest event: there was none, or the head row is free.
NEVER: Final = -(2**62)
FREED: Final = NEVER - 1
