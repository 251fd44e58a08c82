"""Compiled loops."""

from typing import Any

import numpy as np
import pytest
from numba.core import caching

from core_kernels.compiling import compiled, inlined, lean


def twice(x):  # type: ignore[no-untyped-def]
    return 2 * x


def test_where_no_cache_can_be_written_it_compiles_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert compiled(twice)(21) == 42


@inlined
def _raised(array, place):  # type: ignore[no-untyped-def]
    array[place] += place


def all_raised(array):  # type: ignore[no-untyped-def]
    for place in range(len(array)):
        _raised(array, place)


def test_a_lean_loop_counts_no_references_to_the_arrays_it_borrows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])  # code from disk cannot be read
    counts: dict[bool, int] = {}
    for how in (compiled, lean):
        array = np.zeros(4, np.int64)
        loop: Any = how(all_raised)
        loop(array)
        assert array.tolist() == [0, 1, 2, 3]
        (written,) = loop.inspect_llvm().values()
        counts[how is lean] = written.count("@NRT_")
    assert counts[True] == 0 < counts[False]
