"""What a checkpoint says of its detector: architecture, classes, input size, and the weights."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apps.defect_detection.artefact import read_names
from apps.defect_detection.conversion.archive import Tensor, damaged
from apps.defect_detection.conversion.inert import Inert
from loupe.contract.runtime.errors import ModelRefused

DETECTOR = "ultralytics.nn.tasks.DetectionModel"
FILE_NAME = re.compile(r"(yolov8|yolo11|yolo12|yolo26)([nsmlx]?)\.ya?ml")
MOST_PARTS, MOST_TENSORS, MOST_VALUES = 10_000, 5000, 500_000_000


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A detector as the checkpoint describes it.

    Attributes:
        head: ``end2end`` where it was trained to answer without NMS, else ``raw``.
        size: side of the square input in pixels.
        tensors: parameters and buffers by their names in torch.
        said: what the training noted of itself: version, date, epoch, licence.
    """

    architecture: str
    classes: tuple[str, ...]
    head: str
    size: int
    tensors: dict[str, Tensor]
    said: dict[str, str]


def described(checkpoint: Any, name: str) -> Detector:
    """The detector of an inert checkpoint; the moving average where there is one.

    Raises:
        ModelRefused: it holds none, or one that Loupe does not know.
    """
    if not isinstance(checkpoint, dict):
        raise damaged(name, "it holds no dictionary with a model")
    model = checkpoint.get("ema") or checkpoint.get("model")
    if not isinstance(model, Inert):
        raise damaged(name, "it holds no model, only weights without a network")
    if model.path != DETECTOR:
        raise ModelRefused(
            f"{name!r} holds a {model.path.rpartition('.')[2][:60]}; Loupe converts detectors "
            "(DetectionModel). Train or choose a model of the task 'detect'.",
            code="task_unknown",
        )
    facts = model.attributes()
    about = facts.get("yaml")
    about = about if isinstance(about, dict) else {}
    return Detector(
        architecture=_architecture(about, name),
        classes=_classes(facts.get("names"), name),
        head="end2end" if about.get("end2end") is True else "raw",
        size=_size(checkpoint, facts),
        tensors=_tensors(model, name),
        said=_said(checkpoint),
    )


def _architecture(about: dict[Any, Any], name: str) -> str:
    file = str(about.get("yaml_file", "")).replace("\\", "/").rpartition("/")[2]
    found = FILE_NAME.fullmatch(file)
    scale = str(about.get("scale") or "") or (found[2] if found else "")
    if found is None or scale not in tuple("nsmlx"):
        raise ModelRefused(
            f"{name!r} is of the architecture {(file or 'without a name')[:60]!r}; Loupe converts "
            "yolov8, yolo11, yolo12 and yolo26 in the sizes n, s, m, l and x. Export others to "
            "ONNX and upload that.",
            code="architecture_unknown",
        )
    return found[1] + scale


def _classes(names: object, name: str) -> tuple[str, ...]:
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or len(names) > 1000:
        raise damaged(name, "it names no classes")
    if any(type(key) is not int or type(value) is not str for key, value in names.items()):
        raise damaged(name, "its class names are no texts")
    return tuple(read_names(repr(names)))


def _size(checkpoint: dict[Any, Any], facts: dict[str, Any]) -> int:
    for source in (checkpoint.get("train_args"), facts.get("args")):
        size = source.get("imgsz") if isinstance(source, dict) else None
        if type(size) is int and 32 <= size <= 4096 and size % 32 == 0:
            return size
    return 640


def _said(checkpoint: dict[Any, Any]) -> dict[str, str]:
    found = {
        key: checkpoint.get(key) for key in ("version", "date", "epoch", "license", "best_fitness")
    }
    return {
        key: str(value)[:200]
        for key, value in found.items()
        if type(value) in (str, int, float) and str(value).isprintable()
    }


def _tensors(model: Inert, name: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    values = 0
    for path, tensor in _walk(model, name):
        values += tensor.values
        if len(found) >= MOST_TENSORS or values > MOST_VALUES:
            raise damaged(name, "it holds more weights than any detector")
        found[path] = tensor
    if not found:
        raise damaged(name, "its model has no weights")
    return found


def _walk(model: Inert, name: str) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer under the name that torch's ``state_dict`` gives it."""
    waiting, seen = [("", model)], 0
    while waiting:
        prefix, module = waiting.pop()
        seen += 1
        if seen > MOST_PARTS:  # it may hold itself
            raise damaged(name, "its model has more parts than any detector")
        attributes = module.attributes()
        passing = attributes.get("_non_persistent_buffers_set")
        for kind in ("_parameters", "_buffers"):
            for own, value in _named(attributes.get(kind)):
                forgotten = kind == "_buffers" and isinstance(passing, frozenset) and own in passing
                if isinstance(value, Tensor) and not forgotten:
                    yield prefix + own, value
        for own, part in _named(attributes.get("_modules")):
            if isinstance(part, Inert):
                waiting.append((f"{prefix}{own}.", part))


def _named(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, part in value.items():
            if type(name) is str and len(name) <= 100:
                yield name, part
