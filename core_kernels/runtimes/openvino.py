"""OpenVINO on the CPU: fp32 told to stay fp32, since its default of bf16 moves boxes by pixels."""

import threading
from typing import Any

import numpy as np
import openvino

from core_kernels.errors import ArtefactRefused
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.crossing import arrays_of, like_given
from core_kernels.runtimes.freeing import resident_bytes

READS = {"fp32": "onnx", "int8": "onnx-int8"}


def settings(hint: str, threads: int | None = None) -> dict[str, object]:
    """How a network is compiled: in fp32, for `hint` (``LATENCY`` or ``THROUGHPUT``).

    Args:
        threads: cores to use; all by default.
    """
    found: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": hint}
    if threads is not None:
        found["INFERENCE_NUM_THREADS"] = threads
    return found


class OpenVino(Runtime):
    """A network in fp32, or one whose file was calibrated to int8; the float rest stays fp32."""

    name = "openvino"

    def __init__(
        self,
        artefact: Artefact,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        threads: int | None = None,
        hint: str = "LATENCY",
    ) -> None:
        """Compile the artefact's network.

        Args:
            threads: cores to use; all by default.
            hint: ``LATENCY`` (all cores on one request) or ``THROUGHPUT`` (a stream a core).

        Raises:
            ArtefactRefused: OpenVINO cannot read or compile the file.
        """
        super().__init__(artefact.inputs, artefact.outputs, device=device, precision=precision)
        before = resident_bytes()
        weights = artefact.file(READS[precision])
        self._core = openvino.Core()
        try:
            network = self._core.read_model(weights)
            self._compiled = self._core.compile_model(network, "CPU", settings(hint, threads))
        except RuntimeError as error:
            text = str(error).strip().splitlines()[-1][:300]
            raise ArtefactRefused(f"OpenVINO cannot load {weights.name}: {text}.") from error
        self._local = threading.local()
        self._nbytes = max(weights.stat().st_size, resident_bytes() - before)

    @classmethod
    def open(
        cls, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> "OpenVino":
        """See `registry.Open`."""
        return cls(artefact, device=device, precision=precision, threads=threads)

    @property
    def nbytes(self) -> int:
        """Growth of this process while the network was compiled, at least the file's size."""
        return self._nbytes

    def _run(self, values: list[Any]) -> list[Any]:
        request = self._request()
        arrays = arrays_of(values)
        given = {
            port.name: openvino.Tensor(array, shared_memory=True)
            for port, array in zip(self.inputs, arrays, strict=True)
        }
        request.infer(given)
        found = [np.array(request.get_tensor(port.name).data) for port in self.outputs]
        return like_given(values, found)

    def _request(self) -> openvino.InferRequest:
        """This thread's own: requests are not shared between threads."""
        if not hasattr(self._local, "request"):
            self._local.request = self._compiled.create_infer_request()
        request: openvino.InferRequest = self._local.request
        return request

    def _free(self) -> None:
        # Requests of every thread go with the thread-local that holds them.
        del self._local, self._compiled, self._core
