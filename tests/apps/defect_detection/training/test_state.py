"""What a checkpoint gives back is laid out as the network is."""

from pathlib import Path

import torch

from apps.defect_detection.training import state


def _stepped(parameter: torch.nn.Parameter) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    parameter.grad = torch.arange(parameter.numel(), dtype=torch.float32).view_as(parameter)
    optimizer.step()
    return optimizer


def test_the_optimizers_memory_comes_back_with_its_values_in_the_layout_of_its_weights(
    tmp_path: Path,
) -> None:
    weights = torch.nn.Parameter(
        torch.zeros(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    )
    optimizer = _stepped(weights)
    before = optimizer.state[weights]["momentum_buffer"].clone()
    state.save(tmp_path, 1, {}, optimizer, {"of": {}}, tmp_path / "none")
    saved = state.newest(tmp_path, {})
    assert saved is not None
    again = torch.optim.SGD([weights], lr=0.1, momentum=0.9)
    saved.restore_optimizer(again)
    memory = again.state[weights]["momentum_buffer"]
    assert torch.equal(memory, before)
    assert memory.is_contiguous(memory_format=torch.channels_last)
    assert memory.stride() == weights.stride()
