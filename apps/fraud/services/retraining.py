"""The schedule ``retrain``: a candidate from what the project has scored and labelled meanwhile.

Nothing is published by it: a candidate waits for its gate, and for people.
"""

from typing import Any
from uuid import UUID

from apps.fraud.services.training_data import LOG
from loupe.contract.runtime.errors import InputRefused
from loupe.host import trainings
from loupe.host.people import SYSTEM, Project

SLUG = "fraud"
MODEL = "retrained"


def retrain(project_id: str, options: dict[str, Any]) -> str:
    """Freeze the source as a version of its dataset, and queue a training on it.

    Args:
        options: ``source`` (the project's own log unless it says otherwise), ``model`` (the name
            that the candidate is a version of), ``config`` (of the recipe), ``seed``.

    Raises:
        LoupeError: an option does not fit.
    """
    project = Project.objects.get(pk=UUID(project_id))
    try:
        version = trainings.freeze(SYSTEM, project, SLUG, str(options.get("source", LOG)))
    except InputRefused as error:
        if error.code != "nothing_labelled":
            raise
        return error.message
    if trainings.Run.objects.filter(dataset_version=version).exists():
        return f"nothing new since version {version.number}, which was trained on"
    run = trainings.start(
        SYSTEM,
        project,
        app=SLUG,
        model_name=str(options.get("model", MODEL)),
        dataset_version=version,
        config=options.get("config"),
        seed=int(options.get("seed", 0)),
    )
    return f"training {run.pk} queued on version {version.number}"
