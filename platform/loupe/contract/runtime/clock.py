"""Wall times of stages, measured where the work happens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageClock:
    """Adds up wall time in milliseconds per stage name, in the order stages first ran."""

    def __init__(self) -> None:
        self.times_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block under `name`, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = (time.perf_counter() - start) * 1e3
            self.times_ms[name] = self.times_ms.get(name, 0.0) + elapsed

    def merge(self, times_ms: dict[str, float]) -> None:
        """Take over times measured in another process."""
        for name, elapsed in times_ms.items():
            self.times_ms[name] = self.times_ms.get(name, 0.0) + elapsed
