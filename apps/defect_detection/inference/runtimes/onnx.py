"""ONNX Runtime on the CPU in fp32."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.letterbox import as_input
from core_kernels.errors import ArtefactRefused
from core_kernels.runtimes.onnx_runtime import session
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.lanes import Batching


class OnnxRuntime:
    """One session; ONNX Runtime's `run` is safe from several threads."""

    name = "onnxruntime"
    batching = Batching()
    """One picture a call: on a CPU's cores a second one only takes as long again."""

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        """Load `weights` for `threads` cores (default: all there are).

        Raises:
            ModelRefused: ONNX Runtime cannot load the file.
        """
        try:
            self._session = session(weights, threads=threads)
        except ArtefactRefused as error:
            raise ModelRefused(str(error)) from error
        self._input = self._session.get_inputs()[0].name

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""
        output: NDArray[np.float32] = self._session.run(None, {self._input: blob})[0]
        return output

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one picture; see `Runtime.look`."""
        return self.forward(as_input(square))

    def look_at_all(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run pictures one by one."""
        return np.concatenate([self.look(square) for square in squares])

    def close(self) -> None:
        """Free the session."""
        del self._session
