"""What people do with trainings and evaluations: start, cancel, go on, look."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.datasets.models import DatasetVersion
from loupe.datasets.services import require_open
from loupe.registry.models import ModelVersion
from loupe.registry.services import visible_versions
from loupe.training.errors import RunStateRefused, TrainingRefused
from loupe.training.models import Evaluation, Run, RunKind, RunMetrics, RunState
from loupe.training.recipes import checked, training_of

OPEN = (RunState.QUEUED, RunState.RUNNING)
RESUMABLE = (RunState.FAILED, RunState.CANCELLED)
LARGEST_SEED = 2**31 - 1
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def start(
    actor: Actor,
    project: Project,
    *,
    app: str,
    model_name: str,
    dataset_version: DatasetVersion,
    config: Mapping[str, Any] | None = None,
    base: ModelVersion | None = None,
    seed: int = 0,
) -> Run:
    """Queue a training; the trainer begins it when its device is free.

    Args:
        model_name: the model a new version is added to; it need not exist yet.
        config: values of the app's recipe; what is left out has its default.
        base: the version to start from; None: from scratch.

    Raises:
        NotVisible, Denied: the actor may not train here, or cannot see the data or the base.
        TrainingRefused: the app trains nothing, or name, seed, data or base do not fit.
        RecipeInvalid: a value of the recipe is not allowed.
    """
    require(actor, Action.TRAIN, project)
    recipe = checked(app, config or {})
    if not _NAME.fullmatch(model_name):
        raise TrainingRefused(
            _(
                "model=%(name)r cannot be a model's name: use at most 60 of a–z, 0–9, '-' and "
                "'_', starting with a letter or digit."
            )
            % {"name": model_name},
            code="model_name",
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise TrainingRefused(
            _("seed=%(seed)s is out of range: use a whole number from 0 to %(most)s.")
            % {"seed": seed, "most": LARGEST_SEED}
        )
    run = Run(
        project=project,
        app=app,
        kind=RunKind.TRAIN,
        model_name=model_name,
        dataset_version=_own(project, app, dataset_version),
        base=_base(actor, project, app, base),
        config=recipe,
        seed=seed,
        created_by=actor.user,
    )
    return _queue(actor, run)


def evaluate(actor: Actor, version: ModelVersion, dataset_version: DatasetVersion) -> Run:
    """Queue an evaluation of a version on a dataset version of a project.

    Raises:
        NotVisible, Denied: the actor may not train in the data's project, or sees not the version.
        TrainingRefused: the app evaluates nothing, or the data are of another app.
    """
    project = dataset_version.dataset.project
    require(actor, Action.TRAIN, project)
    app = version.model.app
    training_of(app)
    run = Run(
        project=project,
        app=app,
        kind=RunKind.EVALUATE,
        model_name=version.model.name,
        dataset_version=_own(project, app, dataset_version),
        base=_base(actor, project, app, version),
        config={},
        created_by=actor.user,
    )
    return _queue(actor, run)


def cancel(actor: Actor, run: Run) -> Run:
    """Stop a run; its checkpoint is kept, so that it can be resumed.

    Raises:
        NotVisible, Denied: the actor may not train in its project.
        RunStateRefused: it has ended.
    """
    require(actor, Action.TRAIN, run.project)
    with transaction.atomic():
        changed = Run.objects.filter(pk=run.pk, state__in=OPEN).update(
            state=RunState.CANCELLED,
            ended_at=timezone.now(),
            lease_token=None,
            lease_until=None,
            not_before=None,
        )
        run.refresh_from_db()
        if not changed:
            raise RunStateRefused(
                _("This run is %(state)s: only one that waits or runs can be cancelled.")
                % {"state": run.get_state_display().lower()}
            )
        _tell(actor, run, "training.cancelled", Kind.TRAINING_ENDED)
    return run


def resume(actor: Actor, run: Run) -> Run:
    """Queue a failed or cancelled run again; it goes on from its last complete checkpoint.

    Raises:
        NotVisible, Denied: the actor may not train in its project.
        RunStateRefused: it waits, runs or is done.
    """
    require(actor, Action.TRAIN, run.project)
    with transaction.atomic():
        changed = Run.objects.filter(pk=run.pk, state__in=RESUMABLE).update(
            state=RunState.QUEUED,
            ended_at=None,
            losses=0,
            note="",
            error_code="",
            error="",
            not_before=None,
        )
        run.refresh_from_db()
        if not changed:
            raise RunStateRefused(
                _("This run is %(state)s: only a failed or cancelled one can be resumed.")
                % {"state": run.get_state_display().lower()}
            )
        _tell(actor, run, "training.resumed", Kind.TRAINING_STARTED)
    return run


def runs(actor: Actor, project: Project) -> "QuerySet[Run]":
    """The project's runs, newest first, with what lists show of them."""
    rows = visible(Run.objects.filter(project=project), actor).defer("log")
    return rows.select_related(
        "project", "dataset_version__dataset", "base__model", "version__model", "created_by"
    ).order_by("-pk")


def find(actor: Actor, run_id: uuid.UUID) -> Run:
    """One run.

    Raises:
        NotVisible: there is none, or it is another project's.
    """
    rows = Run.objects.select_related(
        "project", "dataset_version__dataset", "base__model", "version__model", "created_by"
    )
    found = visible(rows, actor).filter(pk=run_id).first()
    if found is None:
        raise NotVisible(_("There is no training %(id)s that you can see.") % {"id": run_id})
    return found


def metrics(run: Run, after: int = 0) -> list[RunMetrics]:
    """What the run reported, in order of steps; only those after step `after`."""
    return list(RunMetrics.objects.filter(run=run, step__gt=after).order_by("step"))


def evaluations(version: ModelVersion, project: Project) -> "QuerySet[Evaluation]":
    """What a version scored on the project's datasets, newest first."""
    return (
        Evaluation.objects.filter(model_version=version, dataset_version__dataset__project=project)
        .select_related("dataset_version__dataset", "run")
        .order_by("-pk")
    )


def _own(project: Project, app: str, version: DatasetVersion) -> DatasetVersion:
    if version.dataset.project_id != project.pk:
        raise NotVisible(_("There is no such dataset version in this project."))
    require_open(version.dataset)
    if version.dataset.app != app:
        raise TrainingRefused(
            _("%(version)s holds data of another app (%(theirs)s, not %(app)s).")
            % {"version": version, "theirs": version.dataset.app, "app": app}
        )
    return version


def _base(
    actor: Actor, project: Project, app: str, base: ModelVersion | None
) -> ModelVersion | None:
    if base is None:
        return None
    found = visible_versions(actor, project, app).filter(pk=base.pk).first()
    if found is None:
        raise NotVisible(_("There is no such model version that you can see."))
    return found


@transaction.atomic
def _queue(actor: Actor, run: Run) -> Run:
    run.save(force_insert=True)
    action = "training.started" if run.kind == RunKind.TRAIN else "evaluation.started"
    _tell(actor, run, action, Kind.TRAINING_STARTED)
    return run


def _tell(actor: Actor, run: Run, action: str, kind: Kind) -> None:
    facts = {
        "app": run.app,
        "kind": run.kind,
        "model": run.model_name,
        "dataset": str(run.dataset_version),
        "state": run.state,
    }
    record(actor, run.project, action, f"training:{run.pk}", {**facts, "seed": run.seed})
    publish(run.project, kind, run.pk, facts)
