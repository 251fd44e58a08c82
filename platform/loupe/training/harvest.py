"""From what a child left in OUT to rows: a candidate version, evaluations, pictures of mistakes.

A kill at any point leaves the run claimed by nobody: the next trainer does all of it again, and
finds the version it registered by the run's id in the manifest.
"""

import json
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from loupe.accounts.policy import Actor
from loupe.audit.services import record
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.errors import LoupeError, ModelRefused
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.steps import load
from loupe.contract.runtime.training import (
    ARTEFACT,
    EVALUATIONS,
    PICTURES,
    PREDICTIONS,
    read_panel,
)
from loupe.contract.training import OnEvaluated
from loupe.engine import repository
from loupe.registry.models import Model, ModelVersion, Stage
from loupe.registry.services.artefacts import add_version
from loupe.training import claims
from loupe.training.models import Evaluation, MistakePicture, Run, RunKind, RunState
from loupe.training.recipes import training_of

log = logging.getLogger(__name__)

MOST_PICTURES = 64
LARGEST_PICTURE = 8 * 2**20  # bytes
_PNG = b"\x89PNG\r\n\x1a\n"


def harvest(run: Run, out: Path) -> bool:
    """Write down what came of a run whose child has said that it is done; whether the run was still
    ours.

    Raises:
        LoupeError: OUT does not hold what the contract asks for, or there is no room.
    """
    found = [(folder, read_panel(folder), serving) for folder, serving in _evaluated(out)]
    kept = [(folder, panel, serving, _stored(folder, panel)) for folder, panel, serving in found]
    if run.kind == RunKind.TRAIN:
        version = _registered(run, out / ARTEFACT)
    elif run.base is not None:
        version = run.base
    else:
        raise LoupeError("An evaluation without a version to evaluate.", code="unknown_model")
    with transaction.atomic():
        ended = claims.held(run).update(
            state=RunState.DONE,
            progress=1.0,
            note="",
            version=version,
            ended_at=timezone.now(),
            lease_token=None,
            lease_until=None,
        )
        if not ended:
            return False
        written = [
            _write(run, version, panel, serving, predictions, pictures)
            for _, panel, serving, (predictions, pictures) in kept
        ]
        if run.kind == RunKind.TRAIN:
            _compare(run, version)
        claims.tell_end(run, RunState.DONE, version=version.number)
    _follow(run.app, [evaluation.pk for evaluation in written])
    return True


def _follow(app: str, evaluations: list[int]) -> None:
    """Tell the app of evaluations that are stored; what it makes of them changes nothing here."""
    target = training_of(app).on_evaluated
    if target is None:
        return
    try:
        on_evaluated: OnEvaluated = load(target)
        on_evaluated(evaluations)
    except (LoupeError, DatabaseError):
        log.exception("%s did not follow up on the evaluations %s", app, evaluations)


def _evaluated(out: Path) -> Iterator[tuple[Path, bool]]:
    """Folders with a panel: OUT itself, of the runtime that serves, then the further runtimes."""
    yield out, True
    more = out / EVALUATIONS
    if more.is_dir():
        for folder in sorted(more.iterdir()):
            if folder.is_dir():
                yield folder, False


def _stored(folder: Path, panel: Panel) -> tuple[Blob | None, dict[str, Blob]]:
    """The predictions and pictures as blobs."""
    lines = folder / PREDICTIONS
    predictions = blobs.store(lines, "application/x-ndjson") if lines.is_file() else None
    pictures: dict[str, Blob] = {}
    for mistake in panel.mistakes[:MOST_PICTURES]:
        file = folder / PICTURES / mistake.picture
        if Path(mistake.picture).name != mistake.picture or not file.is_file():
            raise LoupeError(
                f"The panel names the picture {mistake.picture!r}, which is not in {PICTURES}/.",
                code="app_error",
            )
        with file.open("rb") as head:
            sound = head.read(8) == _PNG and file.stat().st_size <= LARGEST_PICTURE
        if not sound:
            raise LoupeError(
                f"The picture {mistake.picture!r} is no PNG of at most {LARGEST_PICTURE} bytes.",
                code="app_error",
            )
        pictures[mistake.picture] = blobs.store(file, "image/png")
    return predictions, pictures


def _registered(run: Run, folder: Path) -> ModelVersion:
    """The artefact as a candidate: the one this run registered before, where it was killed then."""
    before = ModelVersion.objects.filter(
        model__project=run.project,
        model__app=run.app,
        model__name=run.model_name,
        manifest__origin__run=str(run.pk),
    ).first()
    if before is not None:
        return before
    _complete(run, folder)
    actor = Actor(user=run.created_by)
    model = Model(app=run.app, project=run.project, name=run.model_name)
    _forget_unregistered(run, model)
    version = add_version(model, folder, actor)
    with transaction.atomic():
        facts = {
            "model": run.model_name,
            "version": version.number,
            "sha256": version.artefact_sha256,
            "run": str(run.pk),
        }
        record(actor, run.project, "model.trained", f"model_version:{version.pk}", facts)
        publish(run.project, Kind.MODEL_REGISTERED, version.pk, facts)
    return version


def _forget_unregistered(run: Run, model: Model) -> None:
    """Remove what a kill between the files and their row left of this very run."""
    for number, place in repository.versions_of(settings.MODEL_REPOSITORY, model.wire_name):
        try:
            origin = repository.read_manifest(place).get("origin") or {}
        except ModelRefused:
            continue  # somebody else's, and damaged
        if origin.get("run") == str(run.pk):
            log.warning("run %s: version %s was never registered; it is made anew", run.pk, number)
            shutil.rmtree(place)


def _complete(run: Run, folder: Path) -> None:
    """Add to ``manifest.json`` what only the host knows: hashes of the files and where they came
    from.

    Raises:
        ModelRefused: there is no manifest, or the folder holds something besides files.
    """
    place = folder / repository.MANIFEST
    try:
        said = json.loads(place.read_bytes())
        entries = sorted(entry for entry in folder.iterdir() if entry != place)
    except (OSError, ValueError) as error:
        raise ModelRefused(
            f"The training left no {repository.MANIFEST} that can be read: {error}.",
            code="manifest_invalid",
        ) from error
    for entry in entries:
        if entry.is_symlink() or not entry.is_file():
            raise ModelRefused(f"The artefact holds {entry.name!r}, which is no plain file.")
    completed: dict[str, Any] = {
        **said,
        "schema": repository.SCHEMA,
        "app": run.app,
        "name": run.model_name,
        "files": {entry.name: repository.file_sha256(entry) for entry in entries},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": {
            "run": str(run.pk),
            "dataset": run.dataset_version.dataset.name,
            "dataset_version": run.dataset_version.number,
            "dataset_sha256": run.dataset_version.manifest_id,
            "base": f"{run.base}" if run.base else None,
            "seed": run.seed,
        },
    }
    fresh = place.with_suffix(".new")
    fresh.write_text(json.dumps(completed, indent=2, ensure_ascii=False) + "\n")
    fresh.replace(place)


def _write(
    run: Run,
    version: ModelVersion,
    panel: Panel,
    serving: bool,
    predictions: Blob | None,
    pictures: dict[str, Blob],
) -> Evaluation:
    told = panel.model_copy(
        update={
            "artefact_sha256": version.artefact_sha256,
            "dataset": str(run.dataset_version),
            "mistakes": panel.mistakes[:MOST_PICTURES],
        }
    )
    evaluation = Evaluation.objects.create(
        model_version=version,
        dataset_version=run.dataset_version,
        run=run,
        artefact=(panel.runtime or str(version.manifest.get("format", "")))[:20],
        serving=serving,
        panel=told.model_dump(mode="json"),
        predictions=predictions,
    )
    MistakePicture.objects.bulk_create(
        MistakePicture(evaluation=evaluation, name=name[:100], blob=blob)
        for name, blob in pictures.items()
    )
    return evaluation


def _compare(run: Run, version: ModelVersion) -> None:
    """Have the version in production measured on the same data, where it has not been: only then
    can anybody say whether the candidate is better."""
    live = (
        version.model.versions.filter(stage=Stage.PRODUCTION)
        .exclude(evaluations__dataset_version=run.dataset_version)
        .first()
    )
    if live is None:
        return
    waiting = Run.objects.filter(
        kind=RunKind.EVALUATE,
        base=live,
        dataset_version=run.dataset_version,
        state__in=[RunState.QUEUED, RunState.RUNNING],
    )
    if not waiting.exists():
        Run.objects.create(
            project=run.project,
            app=run.app,
            kind=RunKind.EVALUATE,
            model_name=run.model_name,
            dataset_version=run.dataset_version,
            base=live,
            config={},
            created_by=run.created_by,
        )
