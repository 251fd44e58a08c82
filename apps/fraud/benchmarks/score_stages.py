"""Where the slowest batches spent their time: by stage, on the clock and of the processor."""

import gc
import heapq
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

MOST = 20
Told = dict[str, float | dict[str, list[float]]]


class Stages:
    """Of the `MOST` batches that took longest: when they began, how long they took, and in what.

    A stage is told as six numbers: milliseconds of the clock and of the calling thread's processor
    time, the thread's minor and major page faults, and how often it gave a processor up by itself
    and against its will. Clock without processor time is waiting: for another thread or the disk
    where the thread gave up by itself, for a processor where it did not, and for the machine below
    where neither happened. Collecting garbage holds all threads; its time stands beside the stages.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._heap: list[tuple[float, int, Told]] = []
        self._numbers, self._lock = count(), threading.Lock()
        self._collected, self._since = 0.0, 0.0

    @contextmanager
    def collections(self) -> Iterator[None]:
        """Within it, the time that collecting garbage takes is noted."""
        gc.callbacks.append(self._collecting)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collecting)

    @contextmanager
    def batch(self) -> Iterator["Batch"]:
        """One batch; its stages are told to what this gives."""
        batch, collected = Batch(), self._collected
        yield batch
        took = round((time.perf_counter() - batch.began) * 1e3, 1)
        told: Told = {
            "at_s": round(batch.began - self._began, 2), "ms": took,
            "garbage_ms": round((self._collected - collected) * 1e3, 1), "stages": batch.stages,
        }  # fmt: skip
        with self._lock:
            entry = (took, next(self._numbers), told)
            if len(self._heap) < MOST:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def slowest(self) -> list[Told]:
        """The slowest one first."""
        return [told for _, _, told in sorted(self._heap, reverse=True)]

    def _collecting(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self._collected += time.perf_counter() - self._since


class Batch:
    """One batch on its way.

    Attributes:
        began: on the clock, in seconds.
        stages: by name, the numbers of `Stages`.
    """

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = {}
        self._last = _now()
        self.began = time.perf_counter()

    def done(self, stage: str) -> None:
        """This stage ends now; the next one begins."""
        now, last = _now(), self._last
        self.stages[stage] = [round(one - before, 1) for one, before in zip(now, last, strict=True)]
        self._last = now


def _now() -> tuple[float, ...]:
    """Milliseconds, and how often this thread had faults and gave a processor up, so far."""
    told = resource.getrusage(resource.RUSAGE_THREAD)
    return (
        time.perf_counter() * 1e3, time.thread_time() * 1e3,
        told.ru_minflt, told.ru_majflt, told.ru_nvcsw, told.ru_nivcsw,
    )  # fmt: skip
