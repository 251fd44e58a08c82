"""Turns trainings, evaluations and promotions into the shapes the API answers."""

from typing import Any

from django.db import models

from loupe.api.present import who
from loupe.api.shapes.trainings import (
    EvaluationShape,
    MetricsShape,
    PromotionShape,
    TrainingDetail,
    TrainingShape,
)
from loupe.registry.models import PromotionRequest
from loupe.training import services
from loupe.training.models import Evaluation, Run


def runs() -> "models.QuerySet[Run]":
    """Runs with all that `run` reads."""
    return Run.objects.select_related(
        "project", "dataset_version__dataset", "base__model", "version__model", "created_by"
    ).defer("log")


def run_fields(row: Run) -> dict[str, Any]:
    """The fields of a `TrainingShape`."""
    return {
        "id": row.pk,
        "project": row.project.slug,
        "app": row.app,
        "kind": row.kind,
        "model": row.model_name,
        "dataset": row.dataset_version.dataset_id,
        "dataset_name": row.dataset_version.dataset.name,
        "dataset_version": row.dataset_version.number,
        "base": str(row.base) if row.base else None,
        "config": row.config,
        "seed": row.seed,
        "state": row.state,
        "progress": row.progress,
        "note": row.note,
        "device": row.device,
        "attempts": row.attempts,
        "error_code": row.error_code,
        "error": row.error,
        "model_id": row.version.model_id if row.version else None,
        "version": row.version.number if row.version else None,
        "created_by": who(row.created_by),
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


def run(row: Run) -> TrainingShape:
    """One line of the list."""
    return TrainingShape(**run_fields(row))


def run_detail(row: Run) -> TrainingDetail:
    """A run with its figures."""
    figures = [MetricsShape(step=one.step, values=one.values) for one in services.metrics(row)]
    return TrainingDetail(**run_fields(row), metrics=figures, log=row.log)


def evaluation(row: Evaluation) -> EvaluationShape:
    """One evaluation."""
    return EvaluationShape(
        id=row.pk,
        dataset=row.dataset_version.dataset_id,
        dataset_name=row.dataset_version.dataset.name,
        dataset_version=row.dataset_version.number,
        runtime=row.artefact,
        serving=row.serving,
        training=row.run_id,
        panel=row.panel,
        created_at=row.created_at,
    )


def promotion(row: PromotionRequest) -> PromotionShape:
    """One line of a model's history."""
    return PromotionShape(
        id=row.pk,
        version=row.version.number,
        state=row.state,
        rolls_back=row.rolls_back,
        reason=row.reason,
        gate=row.gate,
        requested_by=who(row.requested_by),
        requested_at=row.requested_at,
        decided_by=who(row.decided_by) if row.decided_at else "",
        decided_at=row.decided_at,
        comment=row.comment,
    )
