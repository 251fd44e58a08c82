"""A training step in the quickest form that learns as eager does."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from core_kernels.errors import ArgumentRefused, KernelError
from core_kernels.runtimes.compiler import why_not_compiled
from core_kernels.runtimes.torch_module import convolutional
from core_kernels.runtimes.training_graph import GraphStep
from core_kernels.runtimes.training_report import TOLERANCE, StepReport, Tried, apart, quickest
from core_kernels.runtimes.training_state import TrainingState

Loss = Callable[..., Tensor]
"""``loss(outputs, *targets)``, a scalar."""
FORMS = ("eager", "compiled", "graph")
TRIALS = 4
"""Steps whose losses are compared with eager's."""


class TrainingStep:
    """``step(*inputs, *targets)`` returns the loss, detached, on the device.

    Batches of other shapes than the example's, such as an epoch's last one, run in eager mode;
    `eager_calls` counts them.
    """

    def __init__(
        self,
        run: Callable[..., Tensor],
        eager: Callable[..., Tensor],
        shapes: Sequence[torch.Size],
        report: StepReport,
    ) -> None:
        self._run, self._eager = run, eager
        self._shapes = list(shapes)
        self.report = report
        self.eager_calls = 0

    def __call__(self, *given: Tensor) -> Tensor:
        """One step on a batch.

        Raises:
            ArgumentRefused: there are more or fewer tensors than in the example.
        """
        if len(given) != len(self._shapes):
            raise ArgumentRefused(
                f"{len(given)} tensors were given; the example had {len(self._shapes)}: the "
                "inputs, then the targets."
            )
        if [value.shape for value in given] == self._shapes:
            return self._run(*given)
        self.eager_calls += 1
        return self._eager(*given)


def training_step(
    module: nn.Module,
    example: tuple[Tensor, ...],
    *,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    inputs: int = 1,
    forms: Sequence[str] | None = None,
    backend: str = "inductor",
) -> TrainingStep:
    """Make, try and choose; the module and the optimizer are left as they were, but for the layout.

    The forms: ``eager``; ``compiled``, the module behind `torch.compile`; ``graph``, that and the
    backward pass and the optimizer recorded as one CUDA graph. On a GPU all compute in bf16 by
    autocast. Each is tried on the example: its losses must follow eager's, and the quickest is
    used.

    Args:
        module: on its device, its parameters already handed to `optimizer`.
        example: one batch: inputs, then targets.
        inputs: how many of them the module is called with.
        forms: those to try; by default all that the device can run. ``eager`` always is one.
        backend: torch's compiler: ``inductor``, or ``aot_eager``, which traces without compiling.

    Raises:
        ArgumentRefused: the example is empty or lies elsewhere, or a form is unknown.
    """
    device = _device_of(module, example)
    on_gpu = device.type == "cuda"
    chosen = tuple(forms) if forms is not None else FORMS if on_gpu else FORMS[:2]
    if unknown := sorted(set(chosen) - set(FORMS)):
        raise ArgumentRefused(f"forms={unknown}: choose among {', '.join(FORMS)}.")
    module.train()
    layout = convolutional(module) if on_gpu else None
    if layout is not None:
        module.to(memory_format=layout)
    optimizer.zero_grad(set_to_none=True)
    example = tuple(value.to(device) for value in example)
    before = TrainingState(module, optimizer)

    def stepping(called: Callable[..., Any]) -> Callable[..., Tensor]:
        def step(*given: Tensor) -> Tensor:
            placed = [_laid_out(value, layout) for value in given[:inputs]]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext():
                found = loss(called(*placed), *given[inputs:])
            found.backward()
            optimizer.step()
            return found.detach()

        return step

    eager = stepping(module)
    expected, milliseconds = _tried(eager, example, device)
    before.restore()
    tried = [Tried(form="eager", milliseconds=milliseconds, error=0.0)]
    runs: dict[str, Callable[..., Tensor]] = {"eager": eager}
    precision = "bfloat16" if on_gpu else "float32"
    compiled: Callable[..., Tensor] = eager
    for form in (form for form in FORMS[1:] if form in chosen):
        try:
            if form == "compiled":
                _check_compiler(device, backend)
                runs[form] = stepping(torch.compile(module, dynamic=False, backend=backend))
            else:
                runs[form] = GraphStep(
                    compiled, optimizer, example, lambda: before.restore(in_place=True)
                )
            losses, milliseconds = _tried(runs[form], example, device)
        except (KernelError, RuntimeError, TypeError, ValueError) as error:
            # What cannot be compiled or recorded learns in eager mode, and the report says so.
            before.restore()
            text = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            tried.append(Tried(form=form, objection=text))
            continue
        error_found = apart(losses, expected)
        objection = ""
        if not error_found <= TOLERANCE[precision]:
            objection = (
                f"Its losses lie {error_found:.1e} from eager's; at most {TOLERANCE[precision]:g} "
                "is allowed."
            )
        elif form == "compiled":
            compiled = runs[form]
        tried.append(
            Tried(form=form, milliseconds=milliseconds, error=error_found, objection=objection)
        )
        before.restore(in_place=form == "graph")
    best = quickest(tried)
    if best != "graph":
        before.restore()
    report = StepReport(
        form=best, channels_last=layout is not None, autocast=precision, tried=tuple(tried)
    )
    return TrainingStep(runs[best], eager, [value.shape for value in example], report)


def _tried(
    step: Callable[..., Tensor], example: tuple[Tensor, ...], device: torch.device
) -> tuple[list[float], float]:
    """Losses of `TRIALS` steps from where the training is, and milliseconds of one step."""
    losses = [float(step(*example)) for _ in range(TRIALS)]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        step(*example)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append((time.perf_counter() - start) * 1e3)
    return losses, median(times)


def _check_compiler(device: torch.device, backend: str) -> None:
    reason = why_not_compiled(str(device)) if backend == "inductor" else None
    if reason:
        raise ArgumentRefused(f"Compiling is off on {device}: {reason}.")


def _device_of(module: nn.Module, example: tuple[Tensor, ...]) -> torch.device:
    first = next(module.parameters(), None)
    if first is None or not example:
        raise ArgumentRefused("The module has no parameters, or the example is empty.")
    return first.device


def _laid_out(value: Tensor, layout: torch.memory_format | None) -> Tensor:
    fits = layout is not None and value.dim() == (5 if layout is torch.channels_last_3d else 4)
    return value.contiguous(memory_format=layout) if fits else value  # type: ignore[arg-type]
