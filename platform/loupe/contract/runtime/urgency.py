"""Threads that yield to others: work of the batch lane computes on what the line leaves over.

On Linux a thread has a nice value of its own, and threads it starts inherit it. A runtime that
keeps a thread pool opens another one when it is first used from such a thread, so that the pool
yields too; a runtime on a GPU takes a stream of low priority.
"""

import os
import threading

NICE = 10
"""About a tenth of a core's time while others want all of it; all of it while they do not."""

_THREAD = threading.local()


def yield_to_others(nice: int = NICE) -> None:
    """Lower the calling thread, for good: only root could raise it again."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    _THREAD.yields = True


def yields() -> bool:
    """Whether the calling thread was lowered."""
    return bool(getattr(_THREAD, "yields", False))
