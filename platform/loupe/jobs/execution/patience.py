"""What a worker does when the engine's batch lane is full: it waits as long as the engine says.

The lane is bounded, so a full one is how the engine tells its workers to slow down. It is no
failure of the item: nothing is stored, counted or given up.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from loupe.engine.errors import QueueFull
from loupe.jobs.limits import FULL_LANE_MOST_SECONDS, FULL_LANE_PATIENCE_SECONDS

T = TypeVar("T")


def patiently(ask: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """The answer of `ask`, tried again when the engine expects to have room.

    Raises:
        QueueFull: the lane stayed full for `FULL_LANE_PATIENCE_SECONDS`.
    """
    until = time.monotonic() + FULL_LANE_PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except QueueFull as error:
            # Spread out, so that workers refused together do not come back together.
            spread = random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            pause = min(error.retry_after_s, FULL_LANE_MOST_SECONDS) * spread
            if time.monotonic() + pause > until:
                raise
            sleep(pause)
