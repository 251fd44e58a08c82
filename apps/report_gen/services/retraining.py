"""The schedule ``retrain``: a candidate from what the project's readers have signed meanwhile.

Nothing is published by it: a candidate waits for its gate, and for people.
"""

from typing import Any, Final
from uuid import UUID

from apps.report_gen.services.reporting.slugs import SLUG
from apps.report_gen.services.training_data import SIGNED
from loupe.contract.runtime.errors import InputRefused
from loupe.host import models, trainings
from loupe.host.people import SYSTEM, Project

MODEL: Final = "retrained"
NOTHING: Final = frozenset({"no_consent", "nothing_signed", "no_study"})


def retrain(project_id: str, options: dict[str, Any]) -> str:
    """Freeze the source as a version of its dataset, and queue a training on it that goes on from
    the version in production.

    Args:
        options: ``source`` (the project's signed reports unless it says otherwise), ``model`` (the
            name that the candidate is a version of), ``config`` (of the recipe), ``seed``.

    Raises:
        LoupeError: an option does not fit.
    """
    project = Project.objects.get(pk=UUID(project_id))
    try:
        version = trainings.freeze(SYSTEM, project, SLUG, str(options.get("source", SIGNED)))
    except InputRefused as error:
        if error.code not in NOTHING:
            raise
        return error.message
    if trainings.Run.objects.filter(dataset_version=version).exists():
        return f"There is nothing new since version {version.number}, which was trained on."
    config = dict(options.get("config") or {})
    usable = models.usable(SYSTEM, project, SLUG)
    if not usable and not config.get("from_scratch"):
        return (
            "No model is in production to go on from: say from_scratch in the recipe, or promote "
            "one."
        )
    run = trainings.start(
        SYSTEM, project, app=SLUG, model_name=str(options.get("model", MODEL)),
        dataset_version=version, config=config,
        base=None if config.get("from_scratch") else usable[0],
        seed=int(options.get("seed", 0)),
    )  # fmt: skip
    return f"Training {run.pk} is queued on version {version.number}."
