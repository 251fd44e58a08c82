"""One call that turns a dynamic torch module into its static form, for inference or training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes.artefact import Artefact
from core_kernels.runtimes.freezing import Frozen, freeze
from core_kernels.runtimes.training_step import Loss, TrainingStep, training_step

Example = Tensor | tuple[Tensor, ...] | Mapping[str, Tensor]
Purpose = Literal["inference", "training"]


@overload
def prepare(
    module: nn.Module,
    example: Example,
    purpose: Literal["inference"] = "inference",
    *,
    folder: Path,
    architecture: tuple[str, Mapping[str, Any]] | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    facts: Mapping[str, Any] = ...,
    candidates: Sequence[str] | None = None,
) -> Artefact: ...
@overload
def prepare(
    module: nn.Module,
    example: Example,
    purpose: Literal["training"],
    *,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    inputs: int = 1,
    forms: Sequence[str] | None = None,
    backend: str = "inductor",
) -> TrainingStep: ...
def prepare(
    module: nn.Module, example: Example, purpose: Purpose = "inference", **options: Any
) -> Artefact | TrainingStep:
    """Make the static form of `module`, prove it against eager fp32, measure it, and choose.

    ``purpose="inference"`` writes an artefact into ``folder`` and returns it opened: ONNX where the
    module can be exported and the file gives the same answers, safetensors where ``architecture``
    names a known one with its arguments, a probe, and a manifest with hashes, ports, versions,
    parity, timings of each runtime here, and the quickest that is right. ``facts`` go into the
    manifest, e.g. ``app`` and ``runner``; ``candidates`` limits the runtimes that are tried. Open
    it with `opening.open_artefact`.

    ``purpose="training"`` returns a step: ``step(*inputs, *targets)`` computes
    ``loss(module(*inputs), *targets)``, its gradients, and one step of ``optimizer``;
    ``step.report`` says in which form, why no other, and how quick each was. See `training_step`.

    Args:
        example: what the module is called with: a tensor, a tuple, or tensors by name in order. For
            training, inputs and then targets, with ``loss`` given.

    Raises:
        ArgumentRefused: an argument has a value that is not allowed.
        RuntimeMissing: no runtime gives the module's own answers.
    """
    if purpose == "inference":
        return freeze(module, named_example(example), Frozen(**options))
    if purpose == "training":
        given = example if isinstance(example, tuple) else tuple(named_example(example).values())
        return training_step(module, given, **options)
    raise ArgumentRefused(f"purpose={purpose!r}; choose 'inference' or 'training'.")


def named_example(example: Example) -> dict[str, Tensor]:
    """Inputs by name: their own, else ``input0``, ``input1``, ….

    Raises:
        ArgumentRefused: there is none, or one is no tensor.
    """
    if isinstance(example, Tensor):
        example = (example,)
    named = (
        dict(example)
        if isinstance(example, Mapping)
        else {f"input{index}": value for index, value in enumerate(example)}
    )
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise ArgumentRefused(
                f"The example {name!r} is a {type(value).__name__}; give tensors."
            )
    if not named:
        raise ArgumentRefused("The example is empty; give what the module is called with.")
    return named
