"""Errors are told where they are, on the scale that matters."""

import numpy as np
import pytest

from core_kernels.runtimes.parity import difference


def out(*values: float) -> dict[str, np.ndarray]:
    return {"y": np.array(values, np.float32)}


def test_large_values_are_compared_relatively_and_small_ones_absolutely() -> None:
    error, absolute = difference(out(600.6, 0.5), out(600.0, 0.5))
    assert error == pytest.approx(0.6 / 601, rel=1e-3)
    assert absolute == pytest.approx(0.6, rel=1e-3)
    # A score that is wrong is not hidden by a box value beside it.
    assert difference(out(600, 0.9), out(600, 0.5))[0] == pytest.approx(0.4 / 1.5, rel=1e-3)


def test_an_output_of_small_values_alone_is_judged_by_its_own_scale() -> None:
    assert difference(out(2e-6, 0), out(1e-6, 0))[0] == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(
    "found", [out(np.nan, 1), out(np.inf, 1), out(1), {"z": np.ones(2, np.float32)}]
)
def test_what_is_no_number_or_missing_is_infinitely_wrong(found: dict[str, np.ndarray]) -> None:
    assert difference(found, out(1, 1)) == (np.inf, np.inf)


def test_the_same_nan_and_infinity_are_right() -> None:
    assert difference(out(np.nan, -np.inf, 2), out(np.nan, -np.inf, 2)) == (0, 0)
    assert difference(out(1, -np.inf, 2), out(np.nan, -np.inf, 2))[0] == np.inf
