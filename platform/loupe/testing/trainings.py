"""Rows of datasets, trainings and evaluations for tests and pictures of pages."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.blobs import services as blobs
from loupe.contract.runtime.panel import Figure, Panel
from loupe.datasets import manifest
from loupe.datasets.models import Dataset, DatasetVersion
from loupe.registry.models import ModelVersion
from loupe.training.models import (
    Evaluation,
    MistakePicture,
    Run,
    RunKind,
    RunMetrics,
    RunState,
)


def dataset_version(
    project: Project,
    app: str,
    name: str = "lot-7",
    *,
    about: Mapping[str, Any] | None = None,
    lines: Sequence[manifest.Line] = (),
) -> DatasetVersion:
    """The next version of the project's dataset `name`, holding `lines`."""
    dataset, _ = Dataset.objects.get_or_create(
        project=project, app=app, name=name, defaults={"about": dict(about or {})}
    )
    return DatasetVersion.objects.create(
        dataset=dataset,
        number=dataset.versions.count() + 1,
        about=dataset.about,
        manifest=manifest.write(lines),
        counts={},
    )


def run(
    data: DatasetVersion,
    *,
    state: RunState = RunState.DONE,
    model_name: str = "surfaces",
    figures: Sequence[Mapping[str, float]] = (),
    user: User | None = None,
    **more: Any,
) -> Run:
    """A training of the data's project in `state`, which told of `figures` a minute apart."""
    now = timezone.now()
    begun = state != RunState.QUEUED
    made = Run.objects.create(
        project=data.dataset.project,
        app=data.dataset.app,
        model_name=model_name,
        dataset_version=data,
        state=state,
        created_by=user,
        started_at=now - timedelta(minutes=len(figures)) if begun else None,
        ended_at=None if state in {RunState.QUEUED, RunState.RUNNING} else now,
        **{"kind": RunKind.TRAIN, "config": {}, "device": "auto" if begun else "", **more},
    )
    RunMetrics.objects.bulk_create(
        RunMetrics(
            run=made,
            step=step,
            values=dict(values),
            at=now - timedelta(minutes=len(figures) - step),
        )
        for step, values in enumerate(figures, 1)
    )
    return made


def panel(**values: float) -> Panel:
    """A panel of plain figures of which less is better, such as ``panel(error=0.2)``."""
    return Panel(
        figures=tuple(
            Figure(key=key, en=key.capitalize(), zh=key, value=value, better="lower")
            for key, value in values.items()
        )
    )


def evaluation(
    version: ModelVersion,
    data: DatasetVersion,
    panel: Panel,
    *,
    pictures: Mapping[str, bytes] | None = None,
    run: Run | None = None,
    artefact: str = "onnx",
) -> Evaluation:
    """What `version` scored on `data`; the mistakes of the panel get grey pictures."""
    told = panel.model_copy(update={"artefact_sha256": version.artefact_sha256})
    made = Evaluation.objects.create(
        model_version=version,
        dataset_version=data,
        run=run,
        artefact=artefact,
        panel=told.model_dump(mode="json"),
    )
    given = pictures or {}
    MistakePicture.objects.bulk_create(
        MistakePicture(
            evaluation=made,
            name=name,
            blob=blobs.store_bytes(given.get(name) or grey_png(), "image/png"),
        )
        for name in dict.fromkeys(mistake.picture for mistake in panel.mistakes)
    )
    return made


def grey_png(side: int = 8) -> bytes:
    """A grey square."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x80" * side for _ in range(side))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )
