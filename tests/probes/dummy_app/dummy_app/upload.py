"""Checks an uploaded model: safetensors with one factor."""

import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file

from loupe.contract.runtime.errors import ModelRefused


def check(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    """Write the artefact into `folder` and describe it."""
    try:
        tensors = load_file(upload)
    except SafetensorError as error:
        raise ModelRefused(f"{name!r} is not a safetensors file: {error}.") from error
    if set(tensors) != {"factor"} or tensors["factor"].shape != (1,):
        raise ModelRefused(f"{name!r} must hold exactly one tensor, factor of shape (1,).")
    shutil.copy(upload, folder / "weights.safetensors")
    return {
        "app": "dummy_app",
        "runner": "dummy_app.scaling:Scaler",
        "format": "safetensors",
        "task": "scale",
        "classes": [],
        "input": {"value": [1]},
    }
