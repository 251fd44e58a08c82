"""Writes a trained detector as an artefact of the model repository."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.export import halve_weights, write_onnx
from apps.defect_detection.inference.runtimes import NETWORKS
from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.training.choosing import write_int8
from apps.defect_detection.training.pictures import Pictures
from apps.defect_detection.training.recipe import Recipe

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

    Large weights are stored as int8 and fp16 (`stored_weights`); the arithmetic is fp32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = architectures.load(
        architecture, weights, dict(enumerate(classes)), head == "end2end"
    ).fuse(verbose=False)
    write_onnx(module, folder / "model.onnx", size, "int8")
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


def write_trained(
    weights: Path,
    folder: Path,
    *,
    about: DatasetAbout,
    recipe: Recipe,
    serve: str,
    card: str,
    train: Pictures,
    seed: int,
    beat: Callable[[], None],
) -> dict[str, Any]:
    """Export `weights` as torch (safetensors), ONNX and INT8 with one manifest; return that.

    Args:
        serve: ``int8``, or ``onnx`` for anything else: what the engine runs, until it is measured.
        card: the model card, Markdown.
        beat: called now and then; may raise `Cancelled`.
    """
    # Made anew after a kill: nothing half-written is taken for whole.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    head = "end2end" if recipe.end2end else "raw"
    names = dict(enumerate(about.classes))
    module = architectures.load(recipe.architecture, weights, names, recipe.end2end)
    module = module.fuse(verbose=False)
    beat()
    whole = folder.with_name("fp32.onnx")
    write_onnx(module, whole, recipe.size)
    beat()
    chosen = write_int8(whole, folder / NETWORKS[1], train, seed, beat)
    halve_weights(whole, folder / NETWORKS[0])
    whole.unlink()
    shutil.copyfile(weights, folder / "model.safetensors")
    (folder / "README.md").write_text(card, encoding="utf-8")
    severities = {name: about.severity_of(name) for name in about.classes}
    files = sorted(path.name for path in folder.iterdir())
    manifest: dict[str, Any] = {
        "schema": 1,
        "app": "defect_detection",
        "description": f"{recipe.architecture}, {len(about.classes)} classes",
        "runner": RUNNER,
        "files": {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files},
        "format": "onnx",
        "network": NETWORKS[1 if serve == "int8" else 0],
        "runtime": "openvino",
        "int8": chosen.told(),
        "task": "detect",
        "architecture": recipe.architecture,
        "head": head,
        "classes": list(about.classes),
        "severities": severities,
        "input": {"size": recipe.size, "channels": 3, "padding": 114},
        "licence": LICENCE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
