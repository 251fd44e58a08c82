"""Where the slowest batches spent their time: by stage, on the clock and of the processor."""

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

    A stage is told as milliseconds of the clock and of the calling thread's processor time. Where
    the first is much more than the second the thread waited: for another one, or for the disk.
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._heap: list[tuple[float, int, Told]] = []
        self._numbers, self._lock = count(), threading.Lock()

    @contextmanager
    def batch(self) -> Iterator["Batch"]:
        """One batch; its stages are told to what this gives."""
        batch = Batch()
        yield batch
        took = round((time.perf_counter() - batch.began) * 1e3, 1)
        with self._lock:
            entry = (took, next(self._numbers), batch.told(self._began, took))
            if len(self._heap) < MOST:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def slowest(self) -> list[Told]:
        """The slowest one first."""
        return [told for _, _, told in sorted(self._heap, reverse=True)]


class Batch:
    """One batch on its way."""

    def __init__(self) -> None:
        self.began = self._at = time.perf_counter()
        self._worked, self._faults = time.thread_time(), _faults()
        self._stages: dict[str, list[float]] = {}

    def done(self, stage: str) -> None:
        """This stage ends now; the next one begins."""
        at, worked = time.perf_counter(), time.thread_time()
        self._stages[stage] = [
            round((at - self._at) * 1e3, 1), round((worked - self._worked) * 1e3, 1),
        ]  # fmt: skip
        self._at, self._worked = at, worked

    def told(self, start: float, took: float) -> Told:
        """Seconds from `start` until it began, milliseconds, page faults, and each stage."""
        return {
            "at_s": round(self.began - start, 2), "ms": took,
            "page_faults": _faults() - self._faults, "stages": self._stages,
        }  # fmt: skip


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
