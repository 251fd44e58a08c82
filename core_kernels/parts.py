"""Threads for loops that leave the interpreter's lock.

Numba's own parallel loops are not used: their threads do not survive a fork, and one
of their back ends ends the process when two threads enter it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import torch


@lru_cache(maxsize=4)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="core_kernels")


def in_parts(run: Callable[[int, int], object], count: int, *, least: int) -> None:
    """Call ``run(start, stop)`` over parts of ``range(count)``, on as many threads as torch has.

    Parts are never smaller than `least` items: less than two of them run in the caller's thread.
    An exception of a part is raised here.
    """
    threads = min(torch.get_num_threads(), count // max(least, 1))
    if threads < 2:
        run(0, count)
        return
    parts = min(count // least, threads * 4)
    edges = [count * part // parts for part in range(parts + 1)]
    pool = _pool(os.getpid(), torch.get_num_threads())
    for done in [pool.submit(run, *pair) for pair in pairwise(edges)]:
        done.result()
