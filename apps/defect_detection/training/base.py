"""Weights to start from: those of a registered artefact, as far as they fit.

An ONNX file that Loupe exported holds convolutions with their normalisation folded in. They are
taken apart again: a normalisation whose statistics are those of the training pictures and whose
scale and shift undo it, so that the network answers as the artefact does and can go on learning.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.export import read_weights
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.training.pictures import Pictures
from loupe.contract.runtime.errors import ModelRefused

WEIGHTS, NETWORK, MANIFEST = "model.safetensors", "model.onnx", "manifest.json"
CALIBRATED = 16  # pictures


def architecture_of(base: Path) -> str:
    """The architecture of the artefact in `base`.

    Raises:
        ModelRefused: its manifest names none: it was not trained by Loupe.
    """
    manifest = json.loads((base / MANIFEST).read_text())
    architecture = str(manifest.get("architecture", ""))
    if not architecture:
        raise ModelRefused(
            "The model to start from names no architecture: it was uploaded as a bare network. "
            "Start from one that Loupe trained or converted, or from scratch.",
            code="base_unknown",
        )
    architectures.check_name(architecture)
    return architecture


def model_from(base: Path, names: tuple[str, ...], end2end: bool, train: Pictures) -> Any:
    """A detector for the classes `names` that begins with what the artefact in `base` knows.

    Weights of classes that both have are taken over by name; other classes begin at random.

    Raises:
        ModelRefused: the artefact's weights do not belong to its architecture.
    """
    manifest = json.loads((base / MANIFEST).read_text())
    theirs = DetectorModel.from_manifest(manifest).classes
    architecture = architecture_of(base)
    model = architectures.build(architecture, len(names), end2end)
    rows = [theirs.index(name) if name in theirs else None for name in names]
    if (base / WEIGHTS).exists():
        stored = architectures.load(architecture, base / WEIGHTS, dict(enumerate(theirs)))
        taken = _take(model, stored.state_dict(), rows, len(theirs))
        shifts: dict[str, torch.Tensor] = {}
    else:
        fused = {
            name: torch.from_numpy(np.array(value, np.float32))
            for name, value in read_weights(base / NETWORK).items()
        }
        taken = _take(model, fused, rows, len(theirs))
        shifts = {
            name: fused[f"{name}.conv.bias"]
            for name, module in model.named_modules()
            if hasattr(module, "bn") and f"{name}.conv.bias" in fused
        }
    if not taken:
        raise ModelRefused(
            f"None of the weights in {base.name} belong to {architecture}.", code="base_unknown"
        )
    if shifts:
        _unfold(model, shifts, train)
    return model


def _take(model: Any, stored: dict[str, torch.Tensor], rows: list[int | None], theirs: int) -> int:
    """Copy what fits, by class in the layers that answer for classes; how many tensors did."""
    taken = 0
    for name, tensor in model.state_dict().items():
        found = stored.get(name)
        if found is None:
            continue
        by_class = found.shape[:1] == (theirs,) and tensor.shape[:1] == (len(rows),)
        if by_class and ".cv3." in name and name.split(".")[-2] == "2":
            for row, source in enumerate(rows):
                if source is not None and tensor[row].shape == found[source].shape:
                    tensor[row] = found[source]
            taken += 1
        elif found.shape == tensor.shape:
            tensor.copy_(found)
            taken += 1
    return taken


@torch.no_grad()
def _unfold(model: Any, shifts: dict[str, torch.Tensor], train: Pictures) -> None:
    """Give every folded convolution a normalisation that changes nothing on these pictures."""
    model.eval()
    statistics: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    hooks = []

    def watch(name: str) -> Callable[..., None]:
        def seen(_module: Any, _given: Any, output: torch.Tensor) -> None:
            statistics[name] = (output.mean((0, 2, 3)), output.var((0, 2, 3), unbiased=False))

        return seen

    for name, shift in shifts.items():
        module = model.get_submodule(name)
        norm = module.bn
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0).sub_(norm.eps)
        norm.weight.fill_(1.0)
        norm.bias.copy_(shift)
        hooks.append(module.conv.register_forward_hook(watch(name)))
    indices = torch.arange(min(CALIBRATED, len(train)))
    pixels = train.gather(indices, torch.device("cpu")).cpu()
    model((pixels.float() / 255).expand(-1, 3, -1, -1))
    for hook in hooks:
        hook.remove()
    for name, (mean, variance) in statistics.items():
        norm = model.get_submodule(name).bn
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(shifts[name] + mean)
