"""A trained detector for benchmarks, and Ultralytics' `predict` over the same weights."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image
from torch import nn

from core_kernels.errors import ArgumentRefused
from core_kernels.modules.frame_detector import Boxes


@contextmanager
def _quietly() -> Iterator[None]:
    """No downloads, no usage reports, settings in a folder of its own, Pillow as it was."""
    opened = Image.open
    for name, value in (("YOLO_OFFLINE", "1"), ("YOLO_AUTOINSTALL", "0"), ("YOLO_VERBOSE", "0")):
        os.environ.setdefault(name, value)
    if "YOLO_CONFIG_DIR" not in os.environ:
        os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="ultralytics-")
    yield
    Image.open = opened


with _quietly():
    from ultralytics import YOLO
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load
    from ultralytics.utils.nms import non_max_suppression

__all__ = ["Peer", "network_of", "non_max_suppression", "peer_of"]

#: Frames, score floor, overlap → boxes of each.
Peer = Callable[[Sequence[NDArray[np.uint8]], float, float], list[Boxes]]


def network_of(folder: Path) -> tuple[nn.Module, int]:
    """The network with its weights, convolutions and norms fused, in fp32; and its picture's size.

    Raises:
        ArgumentRefused: the folder's ONNX file does not hold the weights that its manifest names.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    description = yaml_model_load(f"{manifest['architecture']}.yaml")
    classes: list[str] = manifest["classes"]
    model = DetectionModel(description, ch=3, nc=len(classes), verbose=False)
    model = model.eval().fuse(verbose=False)
    stored = _constants(onnx.load(str(folder / "model.onnx")).graph)
    for name, tensor in model.state_dict().items():
        if name in stored:
            tensor.copy_(torch.from_numpy(stored[name].astype(np.float32)))
        elif not name.endswith("dfl.conv.weight"):  # which is a constant
            raise ArgumentRefused(f"{folder / 'model.onnx'} lacks the weights {name!r}.")
    model.names = dict(enumerate(classes))
    size: int = manifest["input"]["size"]
    return model, size


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """What a graph holds by name, with weights that it widens from fp16 or int8 as they widen."""
    known = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type in {"Cast", "Mul"} and all(name in known for name in node.input):
            inputs = {name: known[name] for name in node.input}
            made: list[Any] = ReferenceEvaluator(node).run(None, inputs)  # type: ignore[assignment]
            known[node.output[0]] = made[0]
    return known


def peer_of(folder: Path, device: torch.device) -> Peer:
    """`predict` as its users call it, on `device`, in fp16 on a GPU."""
    network, size = network_of(folder)
    model: Any = YOLO("yolo11n.yaml", task="detect", verbose=False)
    model.model = network
    network.task = "detect"  # type: ignore[assignment]
    network.args = {"imgsz": size, "task": "detect", "data": ""}  # type: ignore[assignment]
    network.pt_path = str(folder / "peer.pt")  # type: ignore[assignment]

    def predict(
        frames: Sequence[NDArray[np.uint8]], score_floor: float, overlap: float
    ) -> list[Boxes]:
        found = model.predict(
            list(frames), imgsz=size, conf=score_floor, iou=overlap, verbose=False, rect=False,
            device=str(device), max_det=300, quantize=16 if device.type == "cuda" else None,
        )  # fmt: skip
        return [one.boxes.data.float().cpu().numpy() for one in found]

    return predict
