"""A bounded queue in front of a bounded number of threads."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from loupe.engine.errors import DeadlineExceeded, QueueFull

T = TypeVar("T")


class Deadline:
    """A moment by which an answer is wanted; without `after_ms` there is none."""

    def __init__(self, after_ms: float | None = None) -> None:
        self.after_ms = after_ms
        self._at = None if after_ms is None else time.monotonic() + after_ms / 1e3

    def left_s(self) -> float | None:
        """Seconds left, 0 when it has passed; None without a deadline."""
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    def check(self) -> None:
        """Raise `DeadlineExceeded` when it has passed."""
        if self._at is not None and time.monotonic() >= self._at:
            raise self.exceeded()

    def exceeded(self) -> DeadlineExceeded:
        """The error that says so."""
        return DeadlineExceeded(
            f"The deadline of {self.after_ms:g} ms passed before the answer was ready; allow more "
            "time or try again when the engine is less busy."
        )


class WorkQueue:
    """Runs work in `threads` threads; at most `limit` pieces wait."""

    def __init__(self, threads: int, limit: int) -> None:
        self.threads = threads
        self.limit = limit
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._waiting = 0
        self._running = 0

    def submit(self, deadline: Deadline, work: Callable[[float], T]) -> Future[T]:
        """Run ``work(queue_ms)`` in a thread, unless `deadline` passes before it starts.

        Raises:
            QueueFull: `limit` pieces wait already.
        """
        with self._lock:
            if self._waiting >= self.limit:
                raise QueueFull(
                    f"{self._waiting} requests wait, the most this engine keeps; try again later."
                )
            self._waiting += 1
        since = time.perf_counter()

        def start() -> T:
            with self._lock:
                self._waiting -= 1
                self._running += 1
            try:
                deadline.check()
                return work((time.perf_counter() - since) * 1e3)
            finally:
                with self._lock:
                    self._running -= 1

        future = self._pool.submit(start)
        future.add_done_callback(self._forget)
        return future

    def _forget(self, future: Future[T]) -> None:
        if future.cancelled():  # it never started
            with self._lock:
                self._waiting -= 1

    def depth(self) -> dict[str, int]:
        """How many pieces wait and run."""
        with self._lock:
            return {"waiting": self._waiting, "running": self._running, "limit": self.limit}

    def close(self) -> None:
        """Finish what runs and what waits."""
        self._pool.shutdown(wait=True)


async def within(deadline: Deadline, future: Future[T], *, shared: bool = False) -> T:
    """Wait for work of another thread; give up, and cancel what has not begun, at the deadline.

    `shared` work goes on for others.
    """
    if future.done():
        return future.result()
    waiting = asyncio.wrap_future(future)
    try:
        async with asyncio.timeout(deadline.left_s()):
            return await (asyncio.shield(waiting) if shared else waiting)
    except TimeoutError as error:
        raise deadline.exceeded() from error
