"""The stored model that a training begins with, where one is named."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from apps.report_gen.inference.stored import stored_weights
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.state import say


def begin_with(network: nn.Module, folder: Path | None, recipe: Recipe, part: str) -> list[str]:
    """Take over the weights of `part` (``image`` or ``report``) of a stored model where they fit.

    A model of an earlier version may lack some: those begin anew, and are printed and returned. A
    layer that takes more channels than it did gets nothing from them at first.

    Raises:
        SystemExit: the model has another shape than the recipe.
    """
    if folder is None:
        return []
    shape, weights = stored_weights(folder)
    if replace(shape, detail=recipe.shape.detail) != recipe.shape:
        raise SystemExit(f"The model in {folder} has another shape than this recipe trains.")
    fresh = []
    own = network.state_dict()
    with torch.no_grad():
        for name, value in own.items():
            found = weights.get(f"{part}.{name}")
            widened = None if found is None else _widened(found, value)
            if widened is None:
                fresh.append(name)
            else:
                value.copy_(widened)
    say("start", part=part, taken=len(own) - len(fresh), anew=",".join(fresh) or "nothing")
    return fresh


def _widened(found: Tensor, wanted: Tensor) -> Tensor | None:
    """`found` in the shape of `wanted`, if it only lacks channels at the end of axis 1."""
    if found.shape == wanted.shape:
        return found
    same_but_one = found.dim() == wanted.dim() > 2 and found.shape[2:] == wanted.shape[2:]
    if not same_but_one or found.shape[0] != wanted.shape[0] or found.shape[1] > wanted.shape[1]:
        return None
    made = torch.zeros(wanted.shape, dtype=found.dtype)
    made[:, : found.shape[1]] = found
    return made
