"""Takes what producers put on a shelf into a pool, while the training goes on."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from apps.report_gen.training.pool import Pool
from apps.report_gen.training.shelf import kept_example, names, on_device

LOOK_EVERY = 0.2
"""Seconds."""


class Follower:
    """A thread that reads new files of `folder`; the pool may be drawn from meanwhile.

    What a shelf held before is read first, so that a run goes on with its phantoms; files whose
    example left the pool are deleted.
    """

    def __init__(self, pool: Pool, folder: Path, producers: Sequence[BaseProcess] = ()) -> None:
        self._pool, self._folder, self._producers = pool, folder, producers
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="phantoms", daemon=True)
        self._thread.start()

    def wait_for(self, count: int, seconds: float = 300.0) -> None:
        """Return when the pool holds `count`.

        Raises:
            RuntimeError: it does not in `seconds`, or reading failed.
        """
        until = time.monotonic() + seconds
        while self._pool.made < count:
            if self._failed is not None or time.monotonic() > until:
                raise RuntimeError(
                    f"{self._pool.made} of {count} phantoms were made in {seconds:.0f} seconds; "
                    "see what the producers print."
                ) from self._failed
            time.sleep(LOOK_EVERY)

    def close(self) -> None:
        """Read no more; what is being made is given up."""
        for each in self._producers:
            each.terminate()
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        seen: set[str] = set()
        held: deque[str] = deque()
        device = self._pool.grid.device
        stream = torch.cuda.Stream() if device.startswith("cuda") else None
        try:
            while not self._over.is_set():
                fresh = [name for name in names(self._folder) if name not in seen]
                for name in fresh:
                    if self._over.is_set():
                        break
                    seen.add(name)
                    held.append(name)
                    made = kept_example(self._folder / f"{name}.safetensors")
                    with torch.cuda.stream(stream):
                        made = on_device(made, device)
                    if stream is not None:
                        stream.synchronize()
                    self._pool.take(made)
                    if len(held) > self._pool.size:
                        (self._folder / f"{held.popleft()}.safetensors").unlink(missing_ok=True)
                self._over.wait(LOOK_EVERY)
        except (OSError, RuntimeError) as cause:
            self._failed = cause
