"""What of a ladder took how long by the clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Timing:
    """Seconds of the parts around a ladder, in the order in which they were done."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Adds what is done inside to a part."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun

    def with_rungs(self, rungs: dict[str, float]) -> dict[str, float]:
        """All parts, the rungs among them, rounded to tenths, and their sum as ``all``.

        A rung whose models were kept tells the time they took when they were learned, so the sum is
        that of a run from the beginning.
        """
        every = {**self.seconds, **rungs}
        every["all"] = sum(every.values())
        return {name: round(spent, 1) for name, spent in every.items()}
