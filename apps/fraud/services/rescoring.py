"""The schedule ``rescore``: what the model that decides now says of alerts that are still open.

The features of each transaction stand in its block as they were when it was decided, so what
changes is the model's opinion and never what was known. The queue keeps the score that raised the
alert; the newer one stands beside it with its history. An alert is scored again where its
transactions or the model have changed since the last time.
"""

import time
from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone

from apps.fraud.models import Alert, AlertHit, AlertScore
from apps.fraud.models.alerts import AlertKind, AlertState
from apps.fraud.services import deciding
from apps.fraud.services.deciding_again import Program
from apps.fraud.services.deciding_again import deciding as program_of
from loupe.contract.blocks import ROW_BITS
from loupe.contract.runtime.errors import InputRefused
from loupe.host import blocks
from loupe.host.models import ModelVersion
from loupe.host.people import SYSTEM, Project
from loupe.host.results import insert

MOST_ALERTS = 5_000
"""Of one night, those raised or changed last."""
TURN_S = 75.0
"""After which the rest waits for the next night."""
KEPT = 90
"""Scores of an alert; older ones go."""


def rescore(project_id: str, options: dict[str, Any]) -> str:
    """Score the transactions of open alerts again.

    Args:
        options: ``most_alerts``, where another number is to be looked at.

    Raises:
        LoupeError: no model decides, or its files cannot be used.
    """
    project = Project.objects.get(pk=UUID(project_id))
    present = deciding.now(SYSTEM, project)
    most = min(int(options.get("most_alerts", MOST_ALERTS)), MOST_ALERTS)
    waiting = _waiting(project, present.version, most)
    if not waiting:
        return "no open alert that the model has not seen"
    hits: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for alert, result in AlertHit.objects.filter(alert__in=waiting).values_list(
        "alert_id", "result"
    ):
        if result is not None:
            hits[result >> ROW_BITS].append((result & (1 << ROW_BITS) - 1, alert))
    found: dict[int, list[float]] = defaultdict(list)
    left_out, until = 0, time.monotonic() + TURN_S
    with program_of(present.version, present.point) as program:
        for block, rows in sorted(hits.items()):
            late = time.monotonic() > until
            asked = [row for row, _alert in rows]
            scores = None if late else _scores(program, project, block, asked)
            if scores is None:
                left_out += len(rows)
                continue
            for (_row, alert), score in zip(rows, scores, strict=True):
                if score is not None:
                    found[alert].append(score)
    _keep(found, present.version)
    said = f"{len(found)} alerts scored again by {present.version}"
    return f"{said}; {left_out} transactions could not be" if left_out else said


def history(alert: Alert) -> list[AlertScore]:
    """What was said of an alert, newest first."""
    rows = AlertScore.objects.filter(alert=alert).select_related("model_version__model")
    return list(rows.order_by("-at")[:KEPT])


def _waiting(project: Project, version: ModelVersion, most: int) -> list[int]:
    """Open alerts that this version has not scored since they changed."""
    rows = Alert.objects.filter(project=project, kind=AlertKind.TRANSACTION)
    rows = rows.exclude(state=AlertState.CLOSED)
    scored = AlertScore.objects.filter(
        alert=models.OuterRef("pk"), model_version=version, at__gte=models.OuterRef("changed_at")
    )
    rows = rows.exclude(models.Exists(scored)).order_by("-changed_at", "-pk")
    return list(rows.values_list("pk", flat=True)[:most])


def _scores(
    program: Program, project: Project, block: int, rows: list[int]
) -> list[float | None] | None:
    """Of rows of a block; None where it is gone or lacks a feature of the model."""
    with blocks.opened("fraud", project.pk, block) as path:
        if path is None:
            return None
        try:
            told = program.ask("scores", path=str(path), rows=rows)
        except InputRefused:
            return None
    found: list[float | None] = told["scores"]
    return found


def _keep(found: dict[int, list[float]], version: ModelVersion) -> None:
    now = timezone.now()
    insert(
        AlertScore(alert_id=alert, model_version=version, score=max(all_), hits=len(all_), at=now)
        for alert, all_ in sorted(found.items())
    )
    many = AlertScore.objects.filter(alert__in=list(found)).values("alert").order_by()
    for row in many.annotate(count=models.Count("pk")).filter(count__gt=KEPT):
        old = AlertScore.objects.filter(alert=row["alert"]).order_by("-at", "-pk")[KEPT:]
        AlertScore.objects.filter(pk__in=[one.pk for one in old]).delete()
