"""Runtimes by name. Each is imported only when it is chosen."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from apps.defect_detection.inference.runtimes.runtime import Runtime
from loupe.contract.runtime.errors import ModelRefused

NETWORKS = ("model.onnx", "model.int8.onnx")
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
    return open_weights(chosen, weights_of(artefact, manifest, chosen), threads)


def open_weights(name: str, weights: Path, threads: int | None = None) -> Runtime:
    """Open one file of weights on the runtime `name`.

    Raises:
        ModelRefused: the runtime is unknown or cannot read these weights.
    """
    if name not in RUNTIMES:
        raise ModelRefused(f"The runtime {name!r} is unknown; choose one of {', '.join(RUNTIMES)}.")
    module, attribute = RUNTIMES[name]
    runtime: Runtime = getattr(import_module(f"{PACKAGE}.{module}"), attribute)(weights, threads)
    return runtime


def weights_of(artefact: Path, manifest: Mapping[str, Any], runtime: str) -> Path:
    """The file the runtime reads; ONNX is derived from safetensors where it must be."""
    if runtime == "torch" and (artefact / "model.safetensors").exists():
        return artefact / "model.safetensors"
    if manifest.get("format") == "onnx":
        network = str(manifest.get("network", NETWORKS[0]))
        if network not in NETWORKS:
            raise ModelRefused(
                f"The manifest's 'network' is {network!r}; it must be one of {', '.join(NETWORKS)}."
            )
        return artefact / network
    if runtime == "torch":
        return artefact / "model.safetensors"
    export = import_module("apps.defect_detection.inference.export")
    derived: Path = export.derived_onnx(artefact)
    return derived
