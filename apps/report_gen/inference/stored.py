"""The model on disk: int8 for each output channel, in safetensors shards under 16 MB.

A weight of two or more dimensions is kept as ``int8 · scale``, one fp16 scale a row; all
else as fp16. ``model.json`` names the shards with their SHA-256, the shape and the verdicts.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from apps.report_gen.inference.foreign import ForeignText, keep, rebuilt
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import Shape
from apps.report_gen.inference.verdicts import Verdicts
from loupe.contract.runtime.errors import ModelRefused

SHARD_BYTES: Final = 15_000_000
LARGEST_MODEL: Final = 512 * 2**20
RECORD: Final = "model.json"
FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True)
class Model:
    """Both networks and how to read their answers."""

    shape: Shape
    image: ImageNetwork
    report: ReportNetwork
    verdicts: Verdicts
    card: Mapping[str, Any]


def quantised(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is stored of weights."""
    stored: dict[str, Tensor] = {}
    for name, weight in weights.items():
        value = weight.detach().float().cpu()
        if weight.dim() < 2 or not weight.is_floating_point():
            whole = weight.detach().cpu().contiguous()
            stored[name] = whole.half() if weight.is_floating_point() else whole
            continue
        flat = value.flatten(1)
        scale = (flat.abs().amax(1) / 127).clamp(min=1e-7).half()
        rows = (flat / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        stored[f"{name}:int8"] = rows.view(value.shape).contiguous()
        stored[f"{name}:scale"] = scale
    return stored


def restored(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """fp32 weights of what was stored."""
    made: dict[str, Tensor] = {}
    for name, value in stored.items():
        if name.endswith(":scale"):
            continue
        if name.endswith(":int8"):
            base = name.removesuffix(":int8")
            scale = stored[f"{base}:scale"].float()
            made[base] = value.float() * scale.view(-1, *[1] * (value.dim() - 1))
        else:
            made[name] = value.float() if value.is_floating_point() else value
    return made


def store(folder: Path, model: Model) -> int:
    """Write a model; returns the bytes of its shards."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {f"image.{k}": v for k, v in model.image.state_dict().items()}
    weights |= {f"report.{k}": v for k, v in model.report.state_dict().items()}
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in quantised(weights).items():
        more = value.numel() * value.element_size()
        if size + more > SHARD_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += more
    names, total = {}, 0
    for number, shard in enumerate(shards, 1):
        data = save(shard)
        name = f"weights-{number}.safetensors"
        (folder / name).write_bytes(data)
        names[name] = hashlib.sha256(data).hexdigest()
        total += len(data)
    record = {
        "format": FORMAT, "shape": json.loads(model.shape.to_json()),
        "verdicts": asdict(model.verdicts), "shards": names, "card": dict(model.card),
    }  # fmt: skip
    if isinstance(model.report.text, ForeignText):
        keep(folder, model.report.text)
    (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return total


def fetch(folder: Path, device: str = "cpu") -> Model:
    """Read a model.

    Raises:
        ModelRefused: a file is missing, damaged, too large or of another format.
    """
    shape, weights, record = _opened(folder)
    image, report = ImageNetwork(shape), ReportNetwork(shape)
    foreign = rebuilt(folder, shape.width)
    if foreign is not None:
        report.text = foreign
    _fill(image, weights, "image.")
    _fill(report, weights, "report.")
    return Model(
        shape=shape, image=image.to(device).eval(), report=report.to(device).eval(),
        verdicts=Verdicts.from_record(record["verdicts"]), card=dict(record["card"]),
    )  # fmt: skip


def stored_weights(folder: Path) -> tuple[Shape, dict[str, Tensor]]:
    """The shape and weights of a model, which an earlier version may have stored.

    Raises:
        ModelRefused: as `fetch`, except that every weight need not be there.
    """
    shape, weights, _ = _opened(folder)
    return shape, weights


def _opened(folder: Path) -> tuple[Shape, dict[str, Tensor], dict[str, Any]]:
    record_file = folder / RECORD
    if not record_file.is_file() or record_file.stat().st_size > 2**22:
        raise ModelRefused(
            f"{folder} holds no {RECORD} of a report model; give the folder that training wrote.",
            code="model_missing",
        )
    try:
        record: dict[str, Any] = json.loads(record_file.read_text())
        shards: dict[str, str] = dict(record["shards"])
        shape, _ = Shape.from_json(json.dumps(record["shape"])), dict(record["card"])
        Verdicts.from_record(record["verdicts"])
    except (ValueError, KeyError, TypeError) as cause:
        raise ModelRefused(
            f"{record_file} is not a record of a report model; fetch or train the model again.",
            code="model_record",
        ) from cause
    return shape, restored(_shards(folder, shards)), record


def _shards(folder: Path, shards: dict[str, str]) -> dict[str, Tensor]:
    stored: dict[str, Tensor] = {}
    total = 0
    for name, digest in shards.items():
        path = folder / Path(name).name
        total += path.stat().st_size if path.is_file() else math.inf  # type: ignore[assignment]
        if total > LARGEST_MODEL:
            raise ModelRefused(
                f"The shard {name} is missing, or the model is larger than {LARGEST_MODEL >> 20} "
                "MB; fetch it again.",
                code="model_shard",
            )
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise ModelRefused(
                f"The shard {name} is not the one that {RECORD} names; fetch the model again.",
                code="model_shard",
            )
        stored |= load(data)
    return stored


def _fill(module: nn.Module, weights: Mapping[str, Tensor], prefix: str) -> None:
    mine = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
    try:
        module.load_state_dict(mine)
    except RuntimeError as cause:
        raise ModelRefused(
            "The stored weights do not fit the network's shape; fetch or train the model again.",
            code="model_weights",
        ) from cause
