"""Benchmark of `prepare(purpose="training")`: ResNet-50's step against eager in the same precision.

On a GPU: batch 256 of 224², bf16 by autocast on both sides; eager keeps torch's own layout, as a
plain loop has it. On a CPU a small network, compiled where there is a compiler; --quick takes that
too, smaller, and traces without compiling on a CPU.
"""

import copy
from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from core_kernels.benchmarks.harness import Case, Goal
from core_kernels.runtimes.prepare import prepare
from core_kernels.runtimes.training_step import TrainingStep

CHECKED = 3
"""Steps whose losses are compared before anything is timed."""


def cases(device: torch.device, *, quick: bool) -> Iterator[Case]:
    """ResNet-50; ResNet-18 on small pictures with `quick` and on a CPU."""
    models: Any = import_module("torchvision.models")
    on_gpu = device.type == "cuda"
    name, rows, side = ("resnet50", 256, 224) if on_gpu else ("resnet18", 8, 64)
    if quick:
        name, rows, side = "resnet18", 4, 32
    torch.manual_seed(0)
    module = models.get_model(name, weights=None, num_classes=100).to(device)
    pictures = torch.randn(rows, 3, side, side, device=device)
    targets = torch.randint(0, 100, (rows,), device=device)
    plain = copy.deepcopy(module).train()
    optimizer, ours_optimizer = _optimizer(plain), _optimizer(module)

    def eager() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext():
            loss = nn.functional.cross_entropy(plain(pictures), targets)
        loss.backward()
        optimizer.step()
        return loss.detach()

    step = prepare(
        module,
        (pictures, targets),
        "training",
        loss=nn.functional.cross_entropy,
        optimizer=ours_optimizer,
        backend="aot_eager" if quick and not on_gpu else "inductor",
    )
    print("\n".join(step.report.lines()), flush=True)
    yield Case(
        operation="training_step",
        label=f"{name}, {rows} × {side}², {step.report.autocast}, {step.report.form}",
        ours=lambda: step(pictures, targets),
        peers={f"eager {step.report.autocast}": eager},
        check=lambda: _check(step, eager, pictures, targets),
        units=rows,
        goals=(Goal(ratio=1.0, peer=f"eager {step.report.autocast}"),) if on_gpu else (),
        cold=False,
    )


def _optimizer(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)


def _check(step: TrainingStep, eager: Any, pictures: Tensor, targets: Tensor) -> None:
    """Both sides begin with the same weights and see the same batch."""
    for number in range(CHECKED):
        ours, expected = float(step(pictures, targets)), float(eager())
        if not abs(ours - expected) <= 0.03 * max(abs(expected), 0.1):
            raise AssertionError(f"loss {number} is {ours:.5f}, eager's {expected:.5f}")
