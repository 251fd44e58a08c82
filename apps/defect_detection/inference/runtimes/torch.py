"""torch: the oracle other runtimes are compared with."""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.letterbox import as_input
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.lanes import Batching


def module_of(weights: Path) -> torch.nn.Module:
    """The fp32 module that the manifest beside `weights` names, filled and fused.

    Raises:
        ModelRefused: the manifest names no architecture, or the weights do not fit it.
    """
    manifest = json.loads((weights.parent / "manifest.json").read_text())
    if "architecture" not in manifest:
        raise ModelRefused(
            "The torch runtime needs to know the architecture, and this model's manifest names "
            "none."
        )
    names = dict(enumerate(manifest["classes"]))
    end2end = manifest["head"] == "end2end"
    architecture = manifest["architecture"]
    if weights.suffix == ".onnx":
        return architectures.load_fused(architecture, weights, names, end2end)
    loaded = architectures.load(architecture, weights, names, end2end)
    fused: torch.nn.Module = loaded.fuse(verbose=False)
    return fused


class TorchRuntime:
    """An fp32 module in evaluation mode."""

    name = "torch"
    batching = Batching()
    """One picture a call: on a CPU's cores a second one only takes as long again."""

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        """Build the architecture that the manifest beside `weights` names and fill it.

        Raises:
            ModelRefused: the manifest names no architecture, or the weights do not fit it.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        self._module = module_of(weights)

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""
        with torch.inference_mode():
            output = self._module(torch.from_numpy(blob))
        first = output[0] if isinstance(output, list | tuple) else output
        return np.asarray(first.numpy(), dtype=np.float32)

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one picture; see `Runtime.look`."""
        return self.forward(as_input(square))

    def look_at_all(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run pictures in one call."""
        count, side = squares.shape[:2]
        blob = np.empty((count, 3, side, side), np.float32)
        for index, square in enumerate(squares):
            blob[index] = as_input(square)[0]  # which writes into one buffer a thread
        return self.forward(blob)

    def close(self) -> None:
        """Free the module."""
        del self._module
