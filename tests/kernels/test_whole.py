"""A network traced whole: one graph, compiled once for each shape."""

import torch
from torch import Tensor, nn

from core_kernels.modules.whole import Whole


class Anchored(nn.Module):
    """Keeps something for the last shape, as Ultralytics' head does with its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = ()
        self.anchors = torch.empty(0)

    def forward(self, given: Tensor) -> tuple[Tensor, None]:
        """The mean of each column, and where it is."""
        if tuple(given.shape) != self.shape:
            self.shape = tuple(given.shape)
            self.anchors = torch.arange(given.shape[1], dtype=given.dtype)
        return given.mean(0) * 2 + self.anchors, None


def test_a_network_that_keeps_tensors_for_a_shape_is_one_graph() -> None:
    with torch.inference_mode():
        plain = Anchored()
        whole = Whole(Anchored(), backend="aot_eager")
        for rows, columns in ((2, 3), (4, 5), (2, 3)):
            given = torch.randn(rows, columns)
            found, nothing = whole(given)
            assert nothing is None
            torch.testing.assert_close(found, plain(given)[0])
