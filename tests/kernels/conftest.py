"""Kernels run in Triton's interpreter unless there is a GPU."""

import os

import pytest
import torch

if not torch.cuda.is_available():
    # Read when a kernel's module is imported, so it is set before any test can do that.
    os.environ["TRITON_INTERPRET"] = "1"


@pytest.fixture
def device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test draws the same numbers each time it runs."""
    torch.manual_seed(0)
