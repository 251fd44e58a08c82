"""What one training step changes, kept so that trial steps leave no trace."""

from typing import Any

import torch
from torch import Tensor, nn


class TrainingState:
    """Weights, buffers, the optimizer's state and the random generators at one moment.

    Takes as much memory as weights, buffers and the optimizer's state together.
    """

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self._module, self._optimizer = module, optimizer
        self._held = {id(held): held.detach().clone() for held in self._tensors()}
        self._optimizers = {
            id(parameter): {
                key: (value, value.clone() if isinstance(value, Tensor) else value)
                for key, value in state.items()
            }
            for parameter, state in optimizer.state.items()
        }
        self._options = [dict(group) for group in optimizer.param_groups]
        self._cpu = torch.get_rng_state()
        self._gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def restore(self, *, in_place: bool = False) -> None:
        """Put everything back.

        Args:
            in_place: what the optimizer made since stays where it lies and becomes zero, which is
                how it would begin; a recorded graph goes on writing there. Otherwise it goes.
        """
        with torch.no_grad():
            for held in self._tensors():
                held.copy_(self._held[id(held)])
            for parameter, state in list(self._optimizer.state.items()):
                before = self._optimizers.get(id(parameter))
                if before is None and not in_place:
                    del self._optimizer.state[parameter]
                else:
                    _put_back(state, before or {}, in_place=in_place)
        self._optimizer.zero_grad(set_to_none=True)
        if not in_place:
            for group, before_group in zip(
                self._optimizer.param_groups, self._options, strict=True
            ):
                group.update(before_group)
        torch.set_rng_state(self._cpu)
        if self._gpu:
            torch.cuda.set_rng_state_all(self._gpu)

    def _tensors(self) -> list[Tensor]:
        return [*self._module.parameters(), *self._module.buffers()]


def _put_back(state: dict[str, Any], before: dict[str, tuple[Any, Any]], *, in_place: bool) -> None:
    for key, value in list(state.items()):
        if key not in before:
            if isinstance(value, Tensor):
                value.zero_()
            continue
        original, copied = before[key]
        if not isinstance(original, Tensor):
            state[key] = copied
        elif in_place:
            value.copy_(copied)
        else:
            state[key] = original.copy_(copied)
