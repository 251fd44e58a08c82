"""OpenVINO on the CPU, told to stay in f32: its default picks bf16, which moves boxes by pixels.

Pictures go in as bytes: turning BGR bytes into RGB floats is part of the compiled network, which
does it on all its cores and without writing a float picture to memory.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from core_kernels.runtimes.openvino import settings
from loupe.contract.runtime import urgency
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.lanes import Batching

PICTURES, FLOATS = "pictures", "floats"
YIELDING = "YIELDING"


class OpenVinoRuntime:
    """Two compilations of one network: all cores on one request, and one stream a core.

    A request alone takes the first (latency); as soon as requests overlap they take the second
    (throughput), which is compiled when that first happens, as is what takes floats. Threads that
    yield to others have a third compilation, whose own threads yield as they do: a request of the
    line does not share its cores with jobs.
    """

    name = "openvino"
    batching = Batching()
    """One picture a call: on a CPU's cores a second one only takes as long again."""

    def __init__(self, weights: Path, threads: int | None = None) -> None:
        """Compile `weights` (ONNX or OpenVINO IR) for `threads` cores (default: all there are).

        Raises:
            ModelRefused: OpenVINO cannot read or compile the file.
        """
        self._core = openvino.Core()
        self._core.set_property({"ENABLE_MMAP": True})
        self._threads = threads
        try:
            self._networks = {FLOATS: self._core.read_model(weights)}
            self._networks[PICTURES] = of_pictures(self._core.read_model(weights))
        except RuntimeError as error:
            raise ModelRefused(f"OpenVINO cannot read {weights.name}: {_first(error)}") from error
        self._compiled = {(PICTURES, "LATENCY"): self._compile(PICTURES, "LATENCY")}
        self._lock, self._yielding = threading.Lock(), threading.Lock()
        self._busy = 0
        self._local = threading.local()

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run one picture; see `Runtime.look`."""
        return self._run(PICTURES, square[None])

    def look_at_all(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run pictures one by one."""
        return np.concatenate([self.look(square) for square in squares])

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run [1, 3, S, S] fp32 and return the head's output, batch first."""
        return self._run(FLOATS, blob)

    def close(self) -> None:
        """Free every compilation."""
        del self._compiled, self._networks, self._core

    def _run(self, form: str, given: NDArray[Any]) -> NDArray[np.float32]:
        if urgency.yields():
            with self._yielding:
                if (form, YIELDING) not in self._compiled:
                    # The threads a compilation starts inherit this thread's priority.
                    self._compiled[form, YIELDING] = self._compile(form, "THROUGHPUT")
            return self._answer(form, YIELDING, given)
        with self._lock:
            self._busy += 1
            hint = "LATENCY" if self._busy == 1 else "THROUGHPUT"
            if (form, hint) not in self._compiled:
                self._compiled[form, hint] = self._compile(form, hint)
        try:
            return self._answer(form, hint, given)
        finally:
            with self._lock:
                self._busy -= 1

    def _answer(self, form: str, hint: str, given: NDArray[Any]) -> NDArray[np.float32]:
        request = self._request(form, hint)
        request.infer([openvino.Tensor(given, shared_memory=True)])
        return np.array(request.get_output_tensor(0).data)

    def _request(self, form: str, hint: str) -> openvino.InferRequest:
        """This thread's own request: requests are not shared between threads."""
        held = self._local.__dict__.setdefault("held", {})
        if (form, hint) not in held:
            held[form, hint] = self._compiled[form, hint].create_infer_request()
        return held[form, hint]

    def _compile(self, form: str, hint: str) -> openvino.CompiledModel:
        how = settings(hint, self._threads)
        try:
            return self._core.compile_model(self._networks[form], "CPU", how)
        except RuntimeError as error:
            raise ModelRefused(f"OpenVINO cannot compile the network: {_first(error)}") from error


def of_pictures(network: openvino.Model) -> openvino.Model:
    """The network with BGR bytes [1, S, S, 3] for its input."""
    steps = PrePostProcessor(network)
    given = steps.input()
    given.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    given.tensor().set_color_format(ColorFormat.BGR)
    given.model().set_layout(openvino.Layout("NCHW"))
    given.preprocess().convert_element_type(openvino.Type.f32)
    given.preprocess().convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:300]
