"""Detectors known by name: Ultralytics' own YAML for the architecture, our safetensors for weights.

Weights are never downloaded and never pickles. Importing this module imports torch; only the torch
runtime, training and export do.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from apps.defect_detection.inference.export import read_weights
from apps.defect_detection.inference.quiet import ultralytics_quietly
from loupe.contract.runtime.errors import ModelRefused

with ultralytics_quietly():
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

FAMILIES = ("yolo11", "yolo26")
OLDER = ("yolov8", "yolo12")
"""Not offered for training, but run where a checkpoint of one was converted."""
SCALES = "nsmlx"
NAME = re.compile(rf"({'|'.join(FAMILIES + OLDER)})[{SCALES}]")


def check_name(architecture: str) -> None:
    """Refuse an architecture that is not known by name.

    Raises:
        ModelRefused: it is none of the known families in the sizes n, s, m, l and x.
    """
    if not NAME.fullmatch(architecture):
        names = ", ".join(f"{family}{scale}" for family in FAMILIES for scale in SCALES)
        raise ModelRefused(f"The architecture {architecture!r} is unknown; choose one of {names}.")


def build(architecture: str, classes: int, end2end: bool = False) -> DetectionModel:
    """A detector with random weights for `classes` classes.

    `end2end` picks YOLO26's NMS-free head explicitly; Ultralytics' own choice changes by version.

    Raises:
        ModelRefused: the name is unknown, or the architecture has no NMS-free head.
    """
    check_name(architecture)
    description: dict[str, Any] = yaml_model_load(f"{architecture}.yaml")
    has_free_head = bool(description.get("end2end"))
    if end2end and not has_free_head:
        raise ModelRefused(f"{architecture} has no NMS-free head; use head 'raw'.")
    model = DetectionModel(description, ch=3, nc=classes, verbose=False)
    if has_free_head:
        model.model[-1].end2end = end2end
    return model


def load(
    architecture: str, weights: Path, names: Mapping[int, str], end2end: bool = False
) -> DetectionModel:
    """Build the detector and fill it from safetensors (any float type; kept as fp32).

    Raises:
        ModelRefused: the file is no safetensors file or belongs to another architecture.
    """
    model = build(architecture, len(names), end2end)
    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise ModelRefused(f"{weights.name} cannot be read as safetensors: {error}") from error
    wanted = model.state_dict()
    wrong = sorted(set(wanted) ^ set(tensors)) or [
        name for name, tensor in tensors.items() if tensor.shape != wanted[name].shape
    ]
    if wrong:
        raise ModelRefused(
            f"{weights.name} does not fit {architecture} with {len(names)} classes; the first "
            f"tensor that differs is {wrong[0]!r}."
        )
    kinds = {name: tensor.dtype for name, tensor in wanted.items()}
    model.load_state_dict({name: tensor.to(kinds[name]) for name, tensor in tensors.items()})
    model.names = dict(names)
    return model.eval()


def load_fused(
    architecture: str, weights: Path, names: Mapping[int, str], end2end: bool = False
) -> DetectionModel:
    """Build the fused detector and fill it from an ONNX file that `export` wrote.

    Raises:
        ModelRefused: the file's weights belong to another architecture.
    """
    model = build(architecture, len(names), end2end).eval().fuse(verbose=False)
    stored = read_weights(weights)
    wanted = model.state_dict()
    missing = [
        name for name in wanted if name not in stored and not name.endswith("dfl.conv.weight")
    ]
    # YOLO26 carries two heads; the export holds the one that was chosen.
    if missing:
        raise ModelRefused(
            f"{weights.name} was not exported from {architecture} with {len(names)} classes; it "
            f"lacks the tensor {missing[0]!r}."
        )
    for name, tensor in wanted.items():
        if name in stored:
            tensor.copy_(torch.from_numpy(stored[name].astype("float32")))
    model.names = dict(names)
    return model


def save(model: torch.nn.Module, weights: Path) -> None:
    """Write fp16 safetensors."""
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
        for name, tensor in model.state_dict().items()
    }
    save_file(tensors, weights)
