"""Arrays in, arrays out; tensors in, tensors out: for runtimes that know numpy alone."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes.ports import is_tensor


def arrays_of(values: list[Any]) -> list[NDArray[Any]]:
    """The values as C-contiguous arrays, copied only where they must be.

    Raises:
        ArgumentRefused: some are tensors and some are not.
    """
    kinds = {is_tensor(value) for value in values}
    if len(kinds) > 1:
        raise ArgumentRefused("Some inputs are tensors and some arrays; give all in one kind.")
    if kinds == {True}:
        values = [value.detach().cpu().numpy() for value in values]
    return [np.ascontiguousarray(value) for value in values]


def like_given(given: list[Any], found: list[NDArray[Any]]) -> list[Any]:
    """What was found as tensors on the inputs' device, if tensors were given."""
    if not is_tensor(given[0]):
        return list(found)
    torch = sys.modules["torch"]  # imported by whoever made the tensors
    return [torch.from_numpy(output).to(given[0].device) for output in found]
