"""Vectors of results: asked of the engine when they are first needed, then kept as bytes."""

import time
from collections.abc import Sequence

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from numpy.typing import NDArray

from apps.defect_detection.models import Case, Embedder
from apps.defect_detection.schema import DetectionResult, OperatingPoint
from apps.defect_detection.similar.places import Place, confirmed
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.host.engine import look_again
from loupe.host.models import resolve
from loupe.host.people import SYSTEM, Project
from loupe.host.results import Result, insert
from loupe.host.reviews import Review

APP = "defect_detection"
DEADLINE_MS = 10_000
TOGETHER = 50


def embedder_of(project: Project) -> Embedder:
    """Whose backbone the project's vectors come from: its default model when it first asked.

    It stays when another model is promoted, so that what was kept can still be compared;
    `start_anew` changes it.

    Raises:
        NoModel: no model is in production.
    """
    kept = Embedder.objects.select_related("version__model__project")
    found = kept.filter(project=project).first()
    if found is not None:
        return found
    version = resolve(SYSTEM, project, APP)
    made, _ = kept.get_or_create(project=project, defaults={"version": version})
    return made


def start_anew(project: Project) -> None:
    """Forget every vector of the project; the next search begins with the present model."""
    Embedder.objects.filter(project=project).delete()


def vectors(embedder: Embedder, result: Result, places: Sequence[Place]) -> "NDArray[np.float32]":
    """Unit vectors [N, D] of places of a result, from the engine.

    Raises:
        InputRefused, ModelRefused, TemporarilyUnavailable: as `look_again` does.
    """
    point = OperatingPoint()
    answer = look_again(
        result,
        embedder.version,
        {"embed": [place.corners for place in places], "tile_above": point.tile_above},
        DEADLINE_MS,
    )
    return np.asarray(answer.arrays["vectors"], np.float32)


def as_bytes(vector: "NDArray[np.float32]") -> bytes:
    """A vector's direction, one signed byte a dimension; off by less than half a degree."""
    largest = max(float(np.abs(vector).max()), 1e-12)
    return np.round(vector / largest * 127).astype(np.int8).tobytes()


def unkept(embedder: Embedder) -> QuerySet[Result]:
    """Reviewed results of the project without vectors, newest first."""
    kept = Case.objects.filter(result=OuterRef("pk"))
    return (
        Result.objects.filter(project=embedder.project_id, app=APP, reviewed=True)
        .filter(~Exists(kept))
        .order_by("-pk")
    )


def catch_up(embedder: Embedder, seconds: float | None = None) -> int:
    """Keep vectors of confirmed results that have none yet, newest first; returns how many.

    Args:
        seconds: stop before the next one once that much time has gone by.

    Raises:
        TemporarilyUnavailable: the engine is away, late or too busy; what was done stays.
    """
    until = None if seconds is None else time.monotonic() + seconds
    done, failed = 0, set[int]()
    while True:
        rows = list(
            unkept(embedder).exclude(pk__in=failed).select_related("item__input__blob")[:TOGETHER]
        )
        for row in rows:
            if until is not None and time.monotonic() >= until:
                return done
            try:
                keep(embedder, row)
            except (InputRefused, ModelRefused):
                failed.add(row.pk)  # its picture is gone or unreadable; the others are not
                continue
            done += 1
        if not rows:
            return done


def keep(embedder: Embedder, result: Result) -> None:
    """Keep the vectors of one confirmed result.

    Raises:
        InputRefused, ModelRefused, TemporarilyUnavailable: as `vectors` does.
    """
    last = Review.objects.filter(result=result).order_by("-pk").first()
    data = DetectionResult.model_validate(result.data)
    places = confirmed(data, last.correction if last else None)
    rows = [
        Case(
            result=result, project_id=result.project_id, embedder=embedder, place=place.number,
            x1=place.x1, y1=place.y1, x2=place.x2, y2=place.y2, label=place.label,
            vector=as_bytes(vector),
        )
        for place, vector in zip(places, vectors(embedder, result, places), strict=True)
    ]  # fmt: skip
    try:
        with transaction.atomic():
            insert(rows)
    except IntegrityError:
        return  # somebody else was quicker, or the result went meanwhile
