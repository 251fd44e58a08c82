"""Jobs that never pause, from a process of their own, as Celery's workers ask.

This module run as a program is those jobs: ``python -m … SOCKET COUNT FRAME…``, until it is ended.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane
from loupe.testing.engine import AsyncEngineClient, many_calls

APP, MODEL = "defect_detection", "defect_detection.shared.surfaces"
WISHES = {"score_floor": 0.25, "overlap": 0.7}


async def boxes(client: AsyncEngineClient, path: Path, lane: Lane) -> Any:
    """One picture's boxes."""
    return await client.run(APP, MODEL, 1, path, None, WISHES, 60_000, lane=lane)


@contextmanager
def jobs(socket: Path, frames: Sequence[Path], count: int) -> Iterator[None]:
    """`count` jobs at work, and ended afterwards.

    Raises:
        RuntimeError: they ended by themselves.
    """
    command = [sys.executable, "-m", __name__, str(socket), str(count), *map(str, frames)]
    process = subprocess.Popen(command)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"The jobs ended with {process.returncode}.")
    finally:
        process.kill()
        process.wait()


async def _job(client: AsyncEngineClient, frames: Sequence[Path]) -> None:
    """One job: the next frame as soon as the last one is answered."""
    number = 0
    while True:
        try:
            await boxes(client, frames[number % len(frames)], Lane.BATCH)
        except TemporarilyUnavailable:
            await asyncio.sleep(0.2)
        number += 1


async def _all(socket: Path, count: int, frames: Sequence[Path]) -> None:
    client = many_calls(socket, count)
    await asyncio.gather(*(_job(client, frames) for _ in range(count)))


if __name__ == "__main__":
    asyncio.run(_all(Path(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]]))
