"""Loops that numba compiles, and threads to run them on.

Compiled code is kept beside the source, or below the user's cache folder where an install is
read-only (``NUMBA_CACHE_DIR`` names another); where neither can be written it is compiled anew in
each process. Numba watches the file of a compiled function, not
those of the functions inlined in it: after a change there, delete ``*.nbi`` and ``*.nbc``.

Numba's own parallel loops are not used: their threads do not survive a fork, and one
of their back ends ends the process when two threads enter it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, free of the interpreter's lock, kept on disk."""
    try:
        kept: Callable[..., Any] = njit(cache=True, **_HOW)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        kept = njit(**_HOW)(function)
    return kept


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a part of the compiled functions of its file that call it."""
    kept: Callable[..., Any] = njit(forceinline=True, **_HOW)(function)
    return kept


@intrinsic
def prefetch(_context, array, index):  # type: ignore[no-untyped-def]
    """In compiled code: ask for the cache line of ``array[index]`` (one dimension) to read.

    Whatever `index` is, this never faults and changes nothing.
    """

    def write(context, builder, signature, given):  # type: ignore[no-untyped-def]
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        address = builder.bitcast(builder.gep(data, [given[1]]), cgutils.voidptr_t)
        whole = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, whole, whole, whole])
        ask = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, kind, "llvm.prefetch.p0"
        )
        builder.call(ask, [address, *(ir.Constant(whole, told) for told in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.intp), write


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
