"""A network traced whole and compiled, once for each shape it is given."""

from typing import Any

import torch
from torch import Tensor, nn


class Whole:
    """Calls `module` through `torch.compile`, as one graph for each shape.

    The module is traced first (`torch.export`): code that looks at shapes and keeps what it made of
    them, as Ultralytics' head does with its anchors, would break the graph into many and run most
    of them in eager mode. Compiling takes up to a minute; it happens at the first call of a shape.

    Args:
        module: in eval mode, on its device; called with one tensor.
        backend: one of torch's.
    """

    def __init__(self, module: nn.Module, *, backend: str = "inductor") -> None:
        self._module, self._backend = module, backend
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, given: Tensor) -> Any:
        """What the module makes of `given`."""
        shape = tuple(given.shape)
        if shape not in self._compiled:
            self._module(given)  # what it keeps for this shape is there before it is traced
            traced = torch.export.export(self._module, (given,), strict=False).module()
            self._compiled[shape] = torch.compile(
                traced, fullgraph=True, dynamic=False, backend=self._backend
            )
        return self._compiled[shape](given)
