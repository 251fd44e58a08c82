"""Grey levels to the 0 to 1 of a network."""

import torch
from torch import Tensor


def scaled(grey: Tensor) -> Tensor:
    """``grey / 255`` in fp32, rounded as a division is, on every device.

    A tensor divides: on a GPU torch multiplies by the inverse where a number does.
    """
    return grey.float() / torch.full((), 255.0, device=grey.device)
