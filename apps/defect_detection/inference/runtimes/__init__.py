"""Runtimes by name. Each is imported only when it is chosen."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.runtimes.runtime import Runtime
from loupe.contract.runtime.errors import ModelRefused

PACKAGE = "apps.defect_detection.inference.runtimes"
RUNTIMES = {
    "openvino": ("openvino", "OpenVinoRuntime"),
    "onnxruntime": ("onnx", "OnnxRuntime"),
    "torch": ("torch", "TorchRuntime"),
}


def open_runtime(
    artefact: Path, manifest: Mapping[str, Any], name: str | None = None, threads: int | None = None
) -> Runtime:
    """Open the artefact's weights on a runtime.

    Args:
        artefact: the verified folder.
        manifest: its manifest; ``runtime`` names the runtime the artefact was measured best on.
        name: overrides the manifest's choice.
        threads: cores to use; all by default.

    Raises:
        ModelRefused: the runtime is unknown or cannot read these weights.
    """
    chosen = name or str(manifest.get("runtime", "openvino"))
    if chosen not in RUNTIMES:
        raise ModelRefused(
            f"The runtime {chosen!r} is unknown; choose one of {', '.join(RUNTIMES)}."
        )
    module, attribute = RUNTIMES[chosen]
    runtime_class = getattr(import_module(f"{PACKAGE}.{module}"), attribute)
    weights = "model.onnx" if manifest.get("format") == "onnx" else "model.safetensors"
    runtime: Runtime = runtime_class(artefact / weights, threads)
    return runtime
