"""Datasets themselves: `create`, `change`, `find`, `take_corrections`."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from pydantic import BaseModel

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record as audit
from loupe.datasets import vocabulary
from loupe.datasets.errors import DatasetRefused
from loupe.datasets.models import Dataset, Record, RecordClass
from loupe.datasets.services.removing import require_open

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def create(
    actor: Actor,
    project: Project,
    app: str,
    name: str,
    *,
    about: BaseModel | Mapping[str, Any] | None = None,
    description: str = "",
) -> Dataset:
    """A new dataset without records. A project's first one of an app takes corrections.

    Args:
        about: what holds for all of it, such as the classes; None: the app's defaults.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        UnknownApp, NoLabelling: the app has no datasets.
        DatasetRefused: the name is not allowed or in use, or `about` is not valid.
    """
    require(actor, Action.MANAGE_DATASETS, project)
    labelling = vocabulary.labelling_of(app)
    check_name(name)
    valid = vocabulary.about(labelling, _plain(about))
    try:
        with transaction.atomic():
            _hold(project)
            made = Dataset.objects.create(
                project=project,
                app=app,
                name=name,
                description=description.strip()[:2000],
                about=vocabulary.stored(valid),
                takes_corrections=not Dataset.objects.filter(
                    project=project, app=app, takes_corrections=True
                ).exists(),
                created_by=actor.user,
            )
            audit(actor, project, "dataset.created", f"dataset:{made.pk}", {"name": name})
    except IntegrityError as error:
        raise DatasetRefused(
            _("This project has a dataset called %(name)r already: choose another name.")
            % {"name": name},
            code="name_in_use",
        ) from error
    return made


def change(
    actor: Actor,
    dataset: Dataset,
    *,
    about: BaseModel | Mapping[str, Any] | None = None,
    description: str | None = None,
) -> Dataset:
    """Change what holds for the whole dataset. Versions that were made stay as they are.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
        DatasetRefused: `about` is not valid, or drops a class that records still have.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    labelling = vocabulary.labelling_of(dataset.app)
    with transaction.atomic():
        locked = Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)
        if about is not None:
            valid = vocabulary.about(labelling, _plain(about))
            _refuse_loss(locked, valid)
            locked.about = vocabulary.stored(valid)
        if description is not None:
            locked.description = description.strip()[:2000]
        locked.save(update_fields=["about", "description"])
        told = {"about": about is not None, "description": description is not None}
        audit(actor, dataset.project, "dataset.changed", f"dataset:{dataset.pk}", told)
    dataset.about, dataset.description = locked.about, locked.description
    return dataset


def take_corrections(actor: Actor, dataset: Dataset) -> None:
    """Have what people correct in review come to this dataset, and to no other of its app.

    Raises:
        NotVisible, Denied: the actor may not manage datasets here.
    """
    require(actor, Action.MANAGE_DATASETS, dataset.project)
    require_open(dataset)
    with transaction.atomic():
        _hold(dataset.project)
        Dataset.objects.filter(
            project=dataset.project, app=dataset.app, takes_corrections=True
        ).update(takes_corrections=False)
        Dataset.objects.filter(pk=dataset.pk).update(takes_corrections=True)
        facts = {"name": dataset.name}
        audit(actor, dataset.project, "dataset.takes_corrections", f"dataset:{dataset.pk}", facts)
    dataset.takes_corrections = True


def check_name(name: str) -> None:
    """Pass in silence where a dataset may be called so.

    Raises:
        DatasetRefused: it may not.
    """
    if not _NAME.fullmatch(name):
        raise DatasetRefused(
            _(
                "name=%(name)r cannot be a dataset's name: use at most 60 of a–z, 0–9, '-' and "
                "'_', starting with a letter or digit."
            )
            % {"name": name[:80]},
            code="dataset_name",
        )


def _hold(project: Project) -> None:
    """One at a time decides which of the project's datasets takes corrections."""
    Project.objects.select_for_update(of=("self",)).filter(pk=project.pk).values_list("pk").first()


def _plain(about: BaseModel | Mapping[str, Any] | None) -> Any:
    if isinstance(about, BaseModel):
        return about.model_dump(mode="json")
    return {} if about is None else about


def _refuse_loss(dataset: Dataset, about: BaseModel) -> None:
    """Every class that records have must still be known: try each on one of its records."""
    labelling = vocabulary.labelling_of(dataset.app)
    examples = RecordClass.objects.filter(dataset=dataset).order_by("name", "record")
    seen: set[str] = set()
    for name, record_id in examples.values_list("name", "record_id").distinct():
        if name in seen:
            continue
        seen.add(name)
        vocabulary.labels(labelling, Record.objects.get(pk=record_id).labels, about)
