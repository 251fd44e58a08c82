"""Loops that numba compiles.

Compiled code is kept beside the source, or below the user's cache folder where an install is
read-only (``NUMBA_CACHE_DIR`` names another); where neither can be written it is compiled anew in
each process. Numba watches the file of a compiled function, not
those of the functions inlined in it: after a change there, delete ``*.nbi`` and ``*.nbc``.

Their threads are those of `core_kernels.parts`.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

#: Code that only borrows arrays counts no references to them. Counting is two atomic additions for
#: each array that a loop hands to an inlined function, event by event in `windowed_state`.
_BORROWS: dict[str, Any] = {**_HOW, "_nrt": False}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, free of the interpreter's lock, kept on disk."""
    return _kept(function, _HOW)


def lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, for loops over arrays of the caller's: they can neither make nor return one.

    An assignment of one row of an array to another makes an array, too.
    """
    return _kept(function, _BORROWS)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as a part of the `lean` functions of its file that call it."""
    kept: Callable[..., Any] = njit(forceinline=True, **_BORROWS)(function)
    return kept


def _kept(function: Callable[..., Any], how: dict[str, Any]) -> Callable[..., Any]:
    try:
        kept: Callable[..., Any] = njit(cache=True, **how)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        kept = njit(**how)(function)
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
