"""Weekly retraining: a candidate from the project's own labelled log. It never decides by itself:
a person looks at its ladder and promotes it."""

from typing import Any
from uuid import UUID

from apps.fraud.services.training_data import LOG
from loupe.contract.runtime.errors import InputRefused
from loupe.host.people import SYSTEM, Project
from loupe.host.trainings import Run, freeze, start

MODEL = "retrained"
NEW_LABELS = 50
"""Fewer labels than this since the last time teach nothing new."""


def retrain(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``retrain``: freeze the log and queue a training on it.

    Args:
        options: ``model`` (the name candidates are added to), ``config`` (of the recipe),
            ``new_labels`` (how many more than last time there must be).
    """
    project = Project.objects.get(pk=UUID(project_id))
    name = str(options.get("model", MODEL))
    try:
        data = freeze(SYSTEM, project, "fraud", LOG)
    except InputRefused as error:
        return f"nothing to train on: {error.message}"
    before = (
        Run.objects.filter(project=project, app="fraud", kind="train", model_name=name)
        .filter(dataset_version__dataset=data.dataset)
        .order_by("-pk")
        .select_related("dataset_version")
        .first()
    )
    labels = int(data.counts.get("labels", 0))
    if before is not None:
        if before.state in ("queued", "running"):
            return f"{name} is in training already"
        more = labels - int(before.dataset_version.counts.get("labels", 0))
        if more < int(options.get("new_labels", NEW_LABELS)):
            return f"{more} new labels since the last training: too few for another"
    run = start(
        SYSTEM, project, app="fraud", model_name=name, dataset_version=data,
        config=dict(options.get("config", {})),
    )  # fmt: skip
    return f"training of {name} on {data} is queued: {run.pk}"
