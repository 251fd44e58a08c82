"""The weights of the moment as a stored model: small enough to carry to another machine."""

from pathlib import Path

from apps.report_gen.inference.network import ImageNetwork
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.stored import Model, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training.beginning import begin_with
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.stage_image import trained_image
from apps.report_gen.training.stage_text import trained_text


def so_far(
    recipe: Recipe, work: Path, folder: Path, device: str, start_from: Path | None = None
) -> None:
    """Store what is trained; what is not is that of `start_from`, or untrained. Nothing is
    calibrated."""
    image, report = trained_image(recipe, work, device), trained_text(recipe, work, device)
    if image is None:
        image = ImageNetwork(recipe.shape)
        begin_with(image, start_from, recipe, "image")
    if report is None:
        report = ReportNetwork(recipe.shape)
        begin_with(report, start_from, recipe, "report")
    model = Model(
        shape=recipe.shape, image=image, report=report, verdicts=Verdicts(),
        card={"use": "to go on with training; not calibrated, not judged"},
    )  # fmt: skip
    store(folder, model)
