"""The folded network answers as the plain one; writing leaves torch's threads as they were."""

import torch
from torch import nn

from apps.report_gen.inference.folding import folded
from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.threads import one_thread


def _lived(network: ImageNetwork) -> ImageNetwork:
    """Statistics as after training: folding ones that are still 0 and 1 would prove little."""
    torch.manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return network.eval()


def test_folding_changes_no_answer_and_leaves_no_normalisation_behind_a_convolution() -> None:
    network = _lived(ImageNetwork(TOY))
    volume = torch.rand(1, 3, *TOY.grid)
    with torch.no_grad():
        plain, quick = network(volume), folded(network)(volume)
    for name, one, other in zip(plain._fields, plain, quick, strict=True):
        assert torch.allclose(one, other, atol=2e-4, rtol=1e-3), name
    assert not any(isinstance(module, nn.BatchNorm3d) for module in folded(network).modules())
    assert any(isinstance(module, nn.BatchNorm3d) for module in network.modules())


def test_small_work_runs_on_one_thread_and_the_others_come_back() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with one_thread(torch.device("cpu")):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
