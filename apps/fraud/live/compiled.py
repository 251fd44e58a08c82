"""Loops that numba compiles, kept on disk where that can be."""

from collections.abc import Callable
from typing import Any

from numba import njit

_HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, free of the interpreter's lock."""
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
