"""Long work that waits between its steps while the line is at work."""

import time

from loupe.contract.runtime.line_flag import LineWatch
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.reporter import Reporter

MOST_S = 1.0
"""Longest wait before one step: under a line that never pauses, work still moves on."""

MOST_PER_WORKED = 4.0
"""A wait is at most so many times as long as the work since the last one, so that small steps move
on as well: at least a fifth of the time is the work's own."""
_LOOK_S = 0.005


class YieldingReporter:
    """Passes everything on to `reporter`; every `progress` then waits until the line is idle.

    Attributes:
        yielded_s: how long it has waited in all.
    """

    def __init__(self, reporter: Reporter, watch: LineWatch) -> None:
        self._reporter = reporter
        self._watch = watch
        self.yielded_s = 0.0
        self._worked_from = time.monotonic()

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Pass it on with the time yielded so far, then give way.

        Raises:
            Cancelled: the work was cancelled.
        """
        self._reporter.progress(done, total, f"{note} {self.told()}".strip())
        start = time.monotonic()
        most_s = min(MOST_S, MOST_PER_WORKED * (start - self._worked_from))
        while (waited := time.monotonic() - start) < most_s and self._watch.busy_s():
            time.sleep(_LOOK_S)
        if waited >= _LOOK_S:
            self.yielded_s += waited
            self._worked_from = time.monotonic()

    def metrics(self, values: dict[str, JsonValue]) -> None:
        """Pass it on, with ``yielded_s`` where there was any wait."""
        yielded: dict[str, JsonValue] = (
            {"yielded_s": round(self.yielded_s, 1)} if self.yielded_s >= 0.1 else {}
        )
        self._reporter.metrics({**values, **yielded})

    def told(self) -> str:
        """A sentence for people; empty while nothing was yielded."""
        return f"({self.yielded_s:.1f} s yielded to the line)" if self.yielded_s >= 0.1 else ""
