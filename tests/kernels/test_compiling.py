"""Compiled loops."""

import pytest
from numba.core import caching

from core_kernels.compiling import compiled


def twice(x):  # type: ignore[no-untyped-def]
    return 2 * x


def test_where_no_cache_can_be_written_it_compiles_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert compiled(twice)(21) == 42
