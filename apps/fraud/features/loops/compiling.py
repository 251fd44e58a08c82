"""How the loops of this package are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit

_HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, free of the interpreter's lock, kept on disk.

    Where nothing can be written it is compiled anew in each process; ``NUMBA_CACHE_DIR`` names a
    place. Numba watches the file of a compiled function alone: after a
    change to an inlined function or to `layout` delete ``*.nbi`` and ``*.nbc``.
    """
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
