"""The static form of a module for inference: an artefact folder that runs on other machines."""

import copy
import logging
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes import architectures
from core_kernels.runtimes.artefact import FORMATS, PROBE, Artefact, write_manifest
from core_kernels.runtimes.buckets import BUCKETS
from core_kernels.runtimes.exporting import export_onnx
from core_kernels.runtimes.measuring import Measured, fastest, measure
from core_kernels.runtimes.parity import Answer, varied
from core_kernels.runtimes.ports import DTYPES, Port, dtype_name
from core_kernels.runtimes.torch_module import named_outputs

log = logging.getLogger(__name__)
_PACKAGES = ("torch", "onnx", "onnxruntime", "openvino", "numpy", "safetensors", "triton")


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """How a module is frozen; see `prepare`."""

    folder: Path
    architecture: tuple[str, Mapping[str, Any]] | None = None
    device: str = "cpu"
    precision: str = "fp32"
    facts: Mapping[str, Any] = field(default_factory=dict)
    candidates: Sequence[str] | None = None


def freeze(module: nn.Module, example: Mapping[str, Tensor], how: Frozen) -> Artefact:
    """Write `module` into ``how.folder``; see `prepare`. The module itself is left as it is."""
    module = copy.deepcopy(module).cpu().float().eval()
    given = {name: value.detach().cpu() for name, value in example.items()}
    how.folder.mkdir(parents=True, exist_ok=True)
    if any(how.folder.iterdir()):
        raise ArgumentRefused(f"{how.folder} is not empty; name a new folder for the artefact.")
    try:
        return _frozen(module, given, how)
    except BaseException:
        # Nothing half-written is taken for an artefact.
        shutil.rmtree(how.folder, ignore_errors=True)
        raise


def _frozen(module: nn.Module, example: Mapping[str, Tensor], how: Frozen) -> Artefact:
    expected = _oracle(module, example)
    batched = _batched(module, example, expected)
    inputs = _ports(example, batched)
    outputs = _ports(expected, batched)
    answers: list[Answer] = []
    for varying in varied({n: v.numpy() for n, v in example.items()}, inputs, batched=batched):
        tensors = {name: torch.from_numpy(value) for name, value in varying.items()}
        answers.append((varying, _arrays(_oracle(module, tensors))))
    notes: dict[str, str] = {}
    _write_networks(module, example, list(expected), how, notes, batched=batched)
    probe = answers[0]
    save_arrays(
        {
            **{f"in.{name}": np.ascontiguousarray(value) for name, value in probe[0].items()},
            **{f"out.{name}": np.ascontiguousarray(value) for name, value in probe[1].items()},
        },
        how.folder / PROBE,
    )
    facts: dict[str, Any] = {
        **how.facts,
        "inputs": [port.to_json() for port in inputs],
        "outputs": [port.to_json() for port in outputs],
        "batched": batched,
        "buckets": list(BUCKETS) if batched else [],
        "architecture": how.architecture
        and {"name": how.architecture[0], "arguments": dict(how.architecture[1])},
    }
    measured = measure(
        write_manifest(how.folder, facts),
        answers,
        device=how.device,
        precision=how.precision,
        candidates=how.candidates,
    )
    _drop_wrong_onnx(how.folder, measured, notes)
    chosen = fastest(measured)
    log.info("%s: %s is the quickest that is right", how.folder.name, chosen)
    return write_manifest(
        how.folder,
        {
            **facts,
            "format": "onnx" if (how.folder / FORMATS["onnx"]).exists() else "safetensors",
            "runtime": chosen,
            "choice": {f"{how.device.partition(':')[0]}-{how.precision}": chosen},
            "precision": how.precision,
            "measured": [one.to_json() for one in measured],
            "notes": notes,
            "machine": {"processor": platform.machine(), "device": _device(how.device)},
            "versions": _versions(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


def _write_networks(
    module: nn.Module,
    example: Mapping[str, Tensor],
    outputs: list[str],
    how: Frozen,
    notes: dict[str, str],
    *,
    batched: bool,
) -> None:
    """Write every form there can be; `notes` says why one is missing."""
    try:
        export_onnx(module, example, outputs, how.folder / FORMATS["onnx"], batched=batched)
    except ArgumentRefused as error:
        notes["onnx"] = str(error)
    if how.architecture is None:
        notes["safetensors"] = "No known architecture was named, so torch could not fill it."
        return
    state = {name: value.contiguous().clone() for name, value in module.state_dict().items()}
    # Refused now rather than on the other machine.
    architectures.build(how.architecture[0], how.architecture[1]).load_state_dict(state)
    save_file(state, how.folder / FORMATS["safetensors"])


def _drop_wrong_onnx(folder: Path, measured: list[Measured], notes: dict[str, str]) -> None:
    """Take the ONNX file away if no runtime gives the module's answers with it."""
    readers = [one for one in measured if one.name in ("onnxruntime", "openvino")]
    if readers and not any(one.parity is not None and one.parity.held for one in readers):
        (folder / FORMATS["onnx"]).unlink()
        worst = max((one.parity.error for one in readers if one.parity), default=float("nan"))
        notes["onnx"] = (
            f"The exported file answers otherwise than the module (error {worst:.1e}): a branch on "
            "values was frozen, or an operator differs. It was left out."
        )


def _oracle(module: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    with torch.no_grad():
        return named_outputs(module(*given.values()))


def _arrays(found: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: np.array(value.numpy()) for name, value in found.items()}


def _batched(
    module: nn.Module, example: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> bool:
    """Whether two rows of inputs give two rows of answers, each as it would be alone."""
    counts = {value.shape[0] if value.dim() else 0 for value in example.values()}
    if len(counts) != 1 or 0 in counts:
        return False
    count = counts.pop()
    doubled = {name: torch.cat([value, value]) for name, value in example.items()}
    try:
        found = _oracle(module, doubled)
    except (RuntimeError, ValueError):
        return False
    return all(
        found[name].dim() > 0
        and tuple(found[name].shape) == (2 * count, *alone.shape[1:])
        and torch.allclose(found[name][count:].float(), alone.float(), rtol=1e-3, atol=1e-4)
        for name, alone in expected.items()
    )


def _ports(values: Mapping[str, Tensor], batched: bool) -> tuple[Port, ...]:
    ports = []
    for name, value in values.items():
        if dtype_name(value) not in DTYPES:
            raise ArgumentRefused(
                f"{name!r} is {dtype_name(value)}; allowed are {', '.join(DTYPES)}."
            )
        sizes: tuple[int | None, ...] = tuple(value.shape)
        shape = (None, *sizes[1:]) if batched else sizes
        ports.append(Port(name=name, shape=shape, dtype=dtype_name(value)))
    return tuple(ports)


def _device(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
