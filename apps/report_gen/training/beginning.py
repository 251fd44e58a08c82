"""The stored model that a training begins with, where one is named."""

from pathlib import Path

from apps.report_gen.inference.stored import Model, fetch
from apps.report_gen.training.recipe import Recipe


def begun_with(folder: Path | None, recipe: Recipe, device: str) -> Model | None:
    """The stored model to begin with.

    Raises:
        SystemExit: it has another shape than the recipe.
    """
    if folder is None:
        return None
    model = fetch(folder, device)
    if model.shape != recipe.shape:
        raise SystemExit(f"The model in {folder} has another shape than this recipe trains.")
    return model
