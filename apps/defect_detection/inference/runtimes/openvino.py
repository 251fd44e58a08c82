"""OpenVINO on the CPU, told to stay in f32: its default picks bf16, which moves boxes by pixels."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from loupe.contract.runtime.errors import ModelRefused

F32 = {"INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoRuntime:
    """Two compilations of one network: all cores on one request, and one stream a core.

    A request alone takes the first (latency); as soon as requests overlap they take the second
    (throughput), which is compiled when that first happens.
    """

    name = "openvino"

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        """Compile `weights` (ONNX or OpenVINO IR) for `threads` cores (default: all there are).

        Raises:
            ModelRefused: OpenVINO cannot read or compile the file.
        """
        self._core = openvino.Core()
        self._core.set_property({"ENABLE_MMAP": True})
        self._threads = threads
        try:
            self._network = self._core.read_model(weights)
        except RuntimeError as error:
            raise ModelRefused(f"OpenVINO cannot read {weights.name}: {_first(error)}") from error
        self._alone = self._compile("LATENCY")
        self._together: openvino.CompiledModel | None = None
        self._lock = threading.Lock()
        self._busy = 0
        self._local = threading.local()

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""
        with self._lock:
            self._busy += 1
            alone = self._busy == 1
            if not alone and self._together is None:
                self._together = self._compile("THROUGHPUT")
        try:
            request = self._request("alone" if alone else "together")
            request.infer([openvino.Tensor(blob, shared_memory=True)])
            return np.array(request.get_output_tensor(0).data)
        finally:
            with self._lock:
                self._busy -= 1

    def close(self) -> None:
        """Free both compilations."""
        del self._alone, self._together, self._network, self._core

    def _request(self, which: str) -> openvino.InferRequest:
        """This thread's own request: requests are not shared between threads."""
        held = self._local.__dict__.setdefault("held", {})
        if which not in held:
            compiled: Any = self._alone if which == "alone" else self._together
            held[which] = compiled.create_infer_request()
        return held[which]

    def _compile(self, hint: str) -> openvino.CompiledModel:
        config: dict[str, object] = {**F32, "PERFORMANCE_HINT": hint}
        if self._threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._threads
        try:
            return self._core.compile_model(self._network, "CPU", config)
        except RuntimeError as error:
            raise ModelRefused(f"OpenVINO cannot compile the network: {_first(error)}") from error


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:300]
