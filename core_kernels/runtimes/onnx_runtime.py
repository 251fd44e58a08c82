"""ONNX Runtime: one session, whose `run` is safe from several threads."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidGraph

from core_kernels.errors import ArtefactRefused
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.base import Runtime
from core_kernels.runtimes.crossing import arrays_of, like_given
from core_kernels.runtimes.freeing import resident_bytes

READS = {"fp32": "onnx", "int8": "onnx-int8"}


class OnnxRuntime(Runtime):
    """A network in fp32 or, calibrated by somebody, in int8."""

    name = "onnxruntime"

    def __init__(
        self,
        artefact: Artefact,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        threads: int | None = None,
    ) -> None:
        """Load the artefact.

        Raises:
            ArtefactRefused: ONNX Runtime cannot load the file.
        """
        super().__init__(artefact.inputs, artefact.outputs, device=device, precision=precision)
        before = resident_bytes()
        weights = artefact.file(READS[precision])
        # Without an arena, a session that goes leaves nothing behind.
        self._session = session(weights, device=device, threads=threads, arena=False)
        self._nbytes = max(weights.stat().st_size, resident_bytes() - before)

    @classmethod
    def open(
        cls, artefact: Artefact, *, device: str, precision: str, threads: int | None
    ) -> "OnnxRuntime":
        """See `registry.Open`."""
        return cls(artefact, device=device, precision=precision, threads=threads)

    @property
    def nbytes(self) -> int:
        """Growth of this process while the session was made, at least the file's size."""
        return self._nbytes

    def _run(self, values: list[Any]) -> list[Any]:
        names = [port.name for port in self.inputs]
        given = dict(zip(names, arrays_of(values), strict=True))
        found = self._session.run([port.name for port in self.outputs], given)
        return like_given(values, [np.asarray(output) for output in found])

    def _free(self) -> None:
        del self._session


def session(
    weights: Path, *, device: str = "cpu", threads: int | None = None, arena: bool = True
) -> onnxruntime.InferenceSession:
    """A session over an ONNX file.

    Args:
        threads: cores to use; all by default.
        arena: keep memory between calls; what is kept stays after the session.

    Raises:
        ArtefactRefused: ONNX Runtime cannot load the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = arena
    index = int(device.partition(":")[2] or 0)
    providers: list[Any] = ["CPUExecutionProvider"]
    if device.startswith("cuda"):
        providers = [("CUDAExecutionProvider", {"device_id": index})]
    try:
        return onnxruntime.InferenceSession(str(weights), options, providers=providers)
    except (Fail, InvalidArgument, InvalidGraph, NotImplementedError) as error:
        text = str(error).strip().splitlines()[0][:300]
        raise ArtefactRefused(f"ONNX Runtime cannot load {weights.name}: {text}.") from error
