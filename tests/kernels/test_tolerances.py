"""How far from the reference is still right: one table, and what it lets through."""

import pytest
import torch

from core_kernels.tolerances import TOLERANCES, assert_close


@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_rounding_passes_and_a_hundredfold_of_it_does_not(dtype: torch.dtype) -> None:
    exact = torch.linspace(-4, 4, 101, dtype=torch.float64)
    assert_close(exact.to(dtype), exact)
    with pytest.raises(AssertionError):
        assert_close((exact * (1 + 100 * torch.finfo(dtype).eps) + 0.2).to(dtype), exact)


def test_slack_widens_it() -> None:
    exact = torch.ones(4)
    off = exact * (1 + 6e-5)
    with pytest.raises(AssertionError):
        assert_close(off, exact)
    assert_close(off, exact, slack=4)


def test_large_values_are_held_to_their_own_size() -> None:
    exact = torch.tensor([1e6, 0.0])
    assert_close(exact + torch.tensor([0.0, 1.0]), exact)
    with pytest.raises(AssertionError):
        assert_close(exact + torch.tensor([0.0, 100.0]), exact)


def test_what_is_not_a_number_equals_itself_and_an_infinity_only_itself() -> None:
    odd = torch.tensor([float("nan"), float("inf"), 1.0])
    assert_close(odd, odd.clone())
    for place, value in ((0, 1.0), (1, -float("inf")), (2, float("nan"))):
        other = odd.clone()
        other[place] = value
        with pytest.raises(AssertionError):
            assert_close(other, odd)


def test_nothing_is_as_nothing() -> None:
    assert_close(torch.empty(0, 3), torch.empty(0, 3))
    with pytest.raises(AssertionError):
        assert_close(torch.empty(0, 3), torch.empty(0, 4))
