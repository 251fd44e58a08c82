"""torch: the oracle other runtimes are compared with. Reads the artefact's safetensors."""

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from apps.defect_detection.inference import architectures
from loupe.contract.runtime.errors import ModelRefused


class TorchRuntime:
    """An fp32 module in evaluation mode."""

    name = "torch"

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        """Build the architecture that the manifest beside `weights` names and fill it.

        Raises:
            ModelRefused: the weights are no safetensors file or do not fit.
        """
        if weights.suffix != ".safetensors":
            raise ModelRefused("The torch runtime reads safetensors; this artefact is ONNX.")
        manifest = json.loads((weights.parent / "manifest.json").read_text())
        names = dict(enumerate(manifest["classes"]))
        if threads is not None:
            torch.set_num_threads(threads)
        self._module = architectures.load(
            manifest["architecture"], weights, names, manifest["head"] == "end2end"
        ).fuse(verbose=False)

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""
        with torch.inference_mode():
            output = self._module(torch.from_numpy(blob))
        first = output[0] if isinstance(output, list | tuple) else output
        return np.asarray(first.numpy(), dtype=np.float32)

    def close(self) -> None:
        """Free the module."""
        del self._module
