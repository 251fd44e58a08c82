"""Arrays that grow keep what is in them, where it is."""

import numpy as np
import pytest

from core_kernels.dispatch.growing import longer
from core_kernels.structures import growing


def test_a_large_array_grows_without_being_copied() -> None:
    array = longer(np.arange(10).reshape(5, 2), 200_000)
    address = array.ctypes.data
    grown = longer(array, 3_000_000)
    assert grown.ctypes.data == address
    assert grown[:5].tolist() == np.arange(10).reshape(5, 2).tolist()
    assert grown.shape == (3_000_000, 2)
    assert not grown[5::100_000].any()
    grown[2_999_999] = 7  # what is behind can be written


def test_a_small_array_is_copied() -> None:
    array = np.arange(4)
    assert longer(array, 3) is array
    assert longer(array, 6).tolist() == [0, 1, 2, 3, 0, 0]


def test_where_addresses_are_scarce_the_array_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **named: object) -> object:
        raise OSError("no addresses")

    monkeypatch.setattr(growing, "stretch", refuse)
    array = growing.zeros((300_000,), np.dtype(np.int64))
    assert array.shape == (300_000,)
    assert array.base is None


def test_it_grows_beyond_its_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "STRETCH", 2**21)
    array = longer(np.ones(1, np.int64), 200_000)
    array[-1] = 9
    grown = longer(array, 2_000_000)
    assert (grown[0], grown[199_999], grown[-1]) == (1, 9, 0)
