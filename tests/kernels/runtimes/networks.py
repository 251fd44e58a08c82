"""Small networks that the tests of runtimes prepare."""

from importlib.util import find_spec

import torch
from torch import Tensor, nn

#: Runtimes that read ONNX and are installed; a machine for kernels alone may have one of them.
ONNX_RUNTIMES = tuple(name for name in ("onnxruntime", "openvino") if find_spec(name))


def small(channels: int = 8) -> nn.Module:
    """Pictures [B, 3, 16, 16] to three numbers."""
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1),
        nn.BatchNorm2d(channels),
        nn.SiLU(),
        nn.Conv2d(channels, channels, 3, stride=2),
        nn.Flatten(),
        nn.Linear(channels * 49, 3),
    )


class Branching(nn.Module):
    """Answers otherwise when the values add up to less than nothing: no trace can hold that."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x)
        return found if bool(x.sum() > 0) else 100 - found


class TwoInTwoOut(nn.Module):
    """Several inputs, and outputs by name of several dtypes."""

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        return {"sum": left + right, "larger": torch.maximum(left, right), "best": left.argmax(1)}
