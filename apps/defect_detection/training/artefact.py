"""Writes a trained detector as an artefact of the model repository."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.export import write_onnx

RUNNER = "apps.defect_detection.inference.runner:DetectorRunner"
LICENCE = "AGPL-3.0-or-later"


def write_artefact(
    weights: Path,
    folder: Path,
    *,
    name: str,
    description: str,
    architecture: str,
    classes: tuple[str, ...],
    severities: dict[str, str],
    metrics: dict[str, Any],
    size: int = 640,
    head: str = "raw",
) -> dict[str, Any]:
    """Export safetensors `weights` to ``model.onnx`` in `folder` with its manifest; return that.

    The weights are stored as fp16, the arithmetic is fp32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = architectures.load(
        architecture, weights, dict(enumerate(classes)), head == "end2end"
    ).fuse(verbose=False)
    write_onnx(module, folder / "model.onnx", size, half_weights=True)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    files = ("model.onnx", "metrics.json")
    manifest: dict[str, Any] = {
        "schema": 1,
        "app": "defect_detection",
        "name": name,
        "description": description,
        "runner": RUNNER,
        "files": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files},
        "format": "onnx",
        "runtime": "openvino",
        "task": "detect",
        "architecture": architecture,
        "head": head,
        "classes": list(classes),
        "severities": severities,
        "input": {"size": size, "channels": 3, "padding": 114},
        "licence": LICENCE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
