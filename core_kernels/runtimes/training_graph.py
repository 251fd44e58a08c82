"""Forward, backward and the optimizer's step as one recorded graph.

What the graph reads must stay where it lies: inputs are copied into fixed memory, and the learning
rates are tensors that are written before a replay. Other settings of the optimizer are recorded as
they were.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core_kernels.errors import ArgumentRefused
from core_kernels.runtimes.torch_graphs import WARM_UP


class GraphStep:
    """A step of fixed shapes, recorded when it is made.

    On the CPU nothing can be recorded: a replay is the step itself on the same memory.
    """

    def __init__(
        self,
        step: Callable[..., Tensor],
        optimizer: torch.optim.Optimizer,
        example: tuple[Tensor, ...],
        restore: Callable[[], None],
    ) -> None:
        """Record `step` on fixed copies of `example`.

        Args:
            step: forward, backward and optimizer, returning the loss.
            restore: undoes the steps that warming up takes, without moving any tensor.

        Raises:
            ArgumentRefused: the optimizer cannot start again from zeros.
            RuntimeError: something in the step cannot be recorded.
        """
        if any(group.get("dampening") for group in optimizer.param_groups):
            raise ArgumentRefused(
                "An optimizer with dampening treats its first step otherwise than all later ones, "
                "so one recording cannot stand for both."
            )
        self._optimizer, self._device = optimizer, example[0].device
        self._given = [value.clone() for value in example]
        self._rates = [
            torch.tensor(float(group["lr"]), device=self._device)
            for group in optimizer.param_groups
        ]
        self._written: list[float] = [float(group["lr"]) for group in optimizer.param_groups]
        self._replay: Callable[[], Any] = lambda: self._loss.copy_(step(*self._given))
        if self._device.type == "cuda":
            self._record(step, restore)
        else:
            self._loss = torch.zeros((), device=self._device)

    def _record(self, step: Callable[..., Tensor], restore: Callable[[], None]) -> None:
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate
            if "capturable" in group:
                group["capturable"] = True
            elif isinstance(self._optimizer, torch.optim.SGD):
                # Its other forms read a rate that is a tensor back to the CPU.
                group["fused"], group["foreach"] = True, False
        for state in self._optimizer.state.values():
            if isinstance(state.get("step"), Tensor):
                state["step"] = state["step"].to(self._device)
        try:
            side = torch.cuda.Stream(self._device)
            side.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    step(*self._given)
            torch.cuda.current_stream(self._device).wait_stream(side)
            # Gradients are then made anew inside the graph's own memory.
            self._optimizer.zero_grad(set_to_none=True)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._loss = step(*self._given)
        finally:
            for group, value in zip(self._optimizer.param_groups, self._written, strict=True):
                group["lr"] = value
            restore()
        self._replay = graph.replay

    def __call__(self, *given: Tensor) -> Tensor:
        """One step; shapes are those of the example."""
        for kept, value in zip(self._given, given, strict=True):
            kept.copy_(value, non_blocking=True)
        for index, group in enumerate(self._optimizer.param_groups):
            rate = float(group["lr"])
            if rate != self._written[index]:
                self._rates[index].fill_(rate)
                self._written[index] = rate
        self._replay()
        return self._loss.clone()
