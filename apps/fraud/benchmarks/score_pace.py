"""Two ways of sending batches: as fast as they are answered, or as they arrive.

Sent as fast as they are answered, batches tell how much the path takes, and how long one waits
where nothing is left over. Arriving at a rate, by chance and whether or not the path keeps up, they
tell how long one takes at that rate: a batch that finds every caller busy waits, and that counts.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

CALLERS = 2
"""Batches that may be under way at once."""
Score = Callable[[bytes], object]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How one way did.

    Attributes:
        p50_ms, p99_ms, worst_ms: of a batch, from when it was sent, or due, to its answer.
        cpu_p50_ms, cpu_p99_ms, cpu_worst_ms: processor time of the calling thread for a batch. In
            this process that is all of it but the trees' own threads, and tells what a batch takes
            where others have the processors too.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    cpu_p50_ms: float
    cpu_p99_ms: float
    cpu_worst_ms: float
    batches: int


def sustained(
    score: Score, bodies: Iterator[bytes], rows: int, seconds: float, callers: int = CALLERS
) -> Measured:
    """Batch after batch from so many callers at once, until the time is up."""
    start = time.perf_counter()

    def coming() -> Iterator[tuple[float, bytes]]:
        while time.perf_counter() - start < seconds:
            body = next(bodies, None)
            if body is None:
                return
            yield time.perf_counter(), body

    return _sent(score, coming(), rows, callers)


def arriving(
    score: Score, bodies: Iterator[bytes], rows: int, rate: float, seconds: float,
    callers: int = CALLERS,
) -> Measured:  # fmt: skip
    """Payments arrive by chance, `rate` a second, for `seconds`; `rows` of them make a batch.

    Times run from when the last one of a batch had arrived.

    Raises:
        RuntimeError: there are not as many batches as arrive.
    """
    chance = random.Random(17)  # noqa: S311 - the same arrivals every time
    start = time.perf_counter()

    def coming() -> Iterator[tuple[float, bytes]]:
        due = start
        while due < start + seconds:
            body = next(bodies, None)
            if body is None:
                raise RuntimeError("More batches are due than were made.")
            yield due, body
            due += chance.gammavariate(rows, 1 / rate)

    return _sent(score, coming(), rows, callers)


def _sent(score: Score, coming: Iterator[tuple[float, bytes]], rows: int, callers: int) -> Measured:
    """Each caller takes the next batch and sends it when it is due."""
    times: list[tuple[float, float]] = []
    taking = threading.Lock()
    start = time.perf_counter()

    def call() -> None:
        while True:
            with taking:
                found = next(coming, None)
            if found is None:
                return
            due, body = found
            time.sleep(max(0.0, due - time.perf_counter()))
            worked = time.thread_time()
            score(body)
            times.append((time.perf_counter() - due, time.thread_time() - worked))

    with ThreadPoolExecutor(callers) as pool:
        for done in [pool.submit(call) for _ in range(callers)]:
            done.result()
    wall = time.perf_counter() - start
    told, cpu = np.array(times).T * 1e3
    return Measured(
        per_second=len(times) * rows / wall, p50_ms=float(np.median(told)),
        p99_ms=float(np.quantile(told, 0.99)), worst_ms=float(told.max()),
        cpu_p50_ms=float(np.median(cpu)), cpu_p99_ms=float(np.quantile(cpu, 0.99)),
        cpu_worst_ms=float(cpu.max()), batches=len(times),
    )  # fmt: skip
