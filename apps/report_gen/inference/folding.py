"""The image network as a CPU runs it quickest: normalisation folded into convolutions.

``γ · (w ∗ x + b − μ) / √(σ² + ε) + β`` is one convolution with other weights (Jacob et al., 2018,
arXiv:1712.05877, 3.2); voxels keep their channels side by side, as oneDNN wants them. Answers
differ from the plain network's by fp32 rounding.
"""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.resnet import Block


def folded(network: ImageNetwork) -> ImageNetwork:
    """A copy for inference alone; `network` is left as it is."""
    made = copy.deepcopy(network).eval()
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, Block):
                module.first = fuse_conv_bn_eval(module.first, module.first_norm)
                module.second = fuse_conv_bn_eval(module.second, module.second_norm)
                module.register_module("first_norm", nn.Identity())
                module.register_module("second_norm", nn.Identity())
            elif isinstance(module, nn.Sequential):
                _fold_pair(module)
    return made.to(memory_format=torch.channels_last_3d)


def _fold_pair(module: nn.Sequential) -> None:
    """A convolution that a normalisation follows, at the head of a sequence."""
    if len(module) < 2:
        return
    first, second = module[0], module[1]
    if isinstance(first, nn.Conv3d) and isinstance(second, nn.BatchNorm3d):
        module[0], module[1] = fuse_conv_bn_eval(first, second), nn.Identity()
