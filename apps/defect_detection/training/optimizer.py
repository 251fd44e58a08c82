"""The optimizer's parameter groups, the learning rate over a training, and the moving average."""

import copy
import math
from typing import Any

import torch

from apps.defect_detection.inference.quiet import ultralytics_quietly
from apps.defect_detection.training.recipe import Recipe

with ultralytics_quietly():
    from ultralytics.optim import MuSGD

# Steps of the class branch under MuSGD are larger by this, as Ultralytics has it.
CLASS_BRANCH_GAIN = 3.0
FLAT_UNTIL = 0.6


def build_optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """Weights decay; biases and normalisation do not. MuSGD orthogonalises matrices and filters."""
    decayed, norms, biases, matrices = ([] for _ in range(4))
    head = model.model[-1]
    branches = [getattr(head, name, None) for name in ("cv3", "one2one_cv3")]
    gained = {id(each) for branch in branches if branch is not None for each in branch.parameters()}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if recipe.optimizer == "musgd" and parameter.ndim in (2, 4):
                matrices.append(parameter)
            elif name == "bias":
                biases.append(parameter)
            elif isinstance(module, torch.nn.modules.batchnorm._NormBase):
                norms.append(parameter)
            else:
                decayed.append(parameter)
    decay = recipe.weight_decay
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": decay},
        {"params": norms, "weight_decay": 0.0},
        {"params": biases, "weight_decay": 0.0, "biases": True},
        {"params": matrices, "weight_decay": decay, "use_muon": True},
    ]
    if recipe.optimizer == "adamw":
        fused = next(model.parameters()).is_cuda
        return _remember(
            torch.optim.AdamW(
                [group for group in groups if group["params"]],
                lr=recipe.learning_rate,
                betas=(recipe.momentum, 0.999),
                fused=fused,
            )
        )
    settings: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "momentum": recipe.momentum,
        "nesterov": True,
    }
    if recipe.optimizer == "sgd":
        return _remember(
            torch.optim.SGD([group for group in groups if group["params"]], **settings)
        )
    split = []
    for group in groups:
        for gain in (CLASS_BRANCH_GAIN, 1.0):
            part = [each for each in group["params"] if (id(each) in gained) == (gain != 1)]
            if part:
                rate = recipe.learning_rate * gain
                split.append({**settings, **group, "params": part, "lr": rate})
    return _remember(MuSGD(split, muon=0.2, sgd=1.0))


def _remember(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    for group in optimizer.param_groups:
        group["full_rate"] = group["lr"]
    return optimizer


def set_rates(optimizer: torch.optim.Optimizer, recipe: Recipe, done: float, warm: float) -> None:
    """Set every group's learning rate; `done` and `warm` are shares (0 … 1) of run and warm-up."""
    for group in optimizer.param_groups:
        group["lr"] = group["full_rate"] * rate_factor(recipe, done) * min(1.0, warm)
        if warm < 1 and "momentum" in group:
            group["momentum"] = 0.8 + (recipe.momentum - 0.8) * warm


def rate_factor(recipe: Recipe, done: float) -> float:
    """The learning rate as a share of the full one when `done` (0 … 1) of the run is over."""
    done = min(1.0, max(0.0, done))
    if recipe.schedule == "cosine":
        fall = (1 + math.cos(math.pi * done)) / 2
    elif recipe.schedule == "flat":
        fall = 1 - max(0.0, done - FLAT_UNTIL) / (1 - FLAT_UNTIL)
    else:
        fall = 1 - done
    return recipe.final_rate + (1 - recipe.final_rate) * fall


class MovingAverage:
    """An exponential moving average of weights and buffers; slow once `updates` passes `tau`."""

    def __init__(self, model: torch.nn.Module, decay: float, tau: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay, self.tau, self.updates = decay, tau, 0
        ours, theirs = self.model.state_dict(), model.state_dict()
        floating = [name for name, tensor in ours.items() if tensor.is_floating_point()]
        self._ours = [ours[name] for name in floating]
        self._theirs = [theirs[name] for name in floating]

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the model's present state."""
        self.updates += 1
        keep = self.decay * (1 - math.exp(-self.updates / self.tau))
        torch._foreach_lerp_(self._ours, self._theirs, 1 - keep)
