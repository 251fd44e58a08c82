"""The weights of the moment as a stored model: small enough to carry to another machine."""

from pathlib import Path

from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.stored import Model, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.stage_image import trained_image
from apps.report_gen.training.stage_text import trained_text


def so_far(recipe: Recipe, work: Path, folder: Path, device: str) -> None:
    """Store what is trained, and untrained networks for what is not; nothing is calibrated."""
    image = trained_image(recipe, work, device) or ImageNetwork(recipe.shape)
    report = trained_text(recipe, work, device) or ReportNetwork(recipe.shape)
    model = Model(
        shape=recipe.shape, image=image, report=report, verdicts=Verdicts(),
        card={"use": "to go on with training; not calibrated, not judged"},
    )  # fmt: skip
    store(folder, model)
