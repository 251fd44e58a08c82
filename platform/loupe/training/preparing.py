"""What has to lie in a run's folder before its child starts. Every step may run again."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from loupe.blobs import room
from loupe.contract.runtime import bundle, checkpoints
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.training import CHECKPOINT, history
from loupe.datasets.services import materialise
from loupe.engine import repository
from loupe.registry.models import ModelVersion
from loupe.training import claims
from loupe.training.models import Run, RunKind, RunMetrics
from loupe.training.places import folder_of
from loupe.training.recipes import training_of


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The child's module and arguments, and where it writes."""

    module: str
    arguments: tuple[str, ...]
    out: Path


def prepare(run: Run) -> Prepared:
    """Bring the data and the recipe into the run's folder.

    Raises:
        DiskFull: there is no room.
        LoupeError: the app trains nothing any more, or an artefact or a stored file is missing.
    """
    training = training_of(run.app)
    folder = folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    room.require(folder)
    data, out = folder / "data", folder / "out"
    if not bundle.is_bundle(data):
        _bring(run, folder, data)
    (folder / "home").mkdir(exist_ok=True)
    arguments = ["--data", str(data), "--out", str(out)]
    if run.kind == RunKind.EVALUATE:
        if run.base is None:
            raise LoupeError("An evaluation without a version to evaluate.", code="unknown_model")
        shutil.rmtree(out, ignore_errors=True)
        arguments += ["--artefact", str(artefact_of(run.base))]
        return Prepared(module=training.evaluate_module, arguments=tuple(arguments), out=out)
    config = folder / "config.json"
    config.write_text(json.dumps(run.config))
    arguments += ["--config", str(config), "--seed", str(run.seed)]
    if run.base is not None:
        arguments += ["--base", str(artefact_of(run.base))]
    if checkpoints.newest(out / CHECKPOINT) is not None:
        arguments.append("--resume")
        # What a trainer that was killed had heard and not yet written.
        claims.keep(run, {said.pop("step"): said for said in history(out)})
    else:
        # It begins anew, and so do its curves.
        shutil.rmtree(out, ignore_errors=True)
        RunMetrics.objects.filter(run=run).delete()
    return Prepared(module=training.module, arguments=tuple(arguments), out=out)


def _bring(run: Run, folder: Path, data: Path) -> None:
    """The bundle appears under its name only when it is whole."""
    unfinished = folder / "data.unfinished"
    for left in (data, unfinished):
        shutil.rmtree(left, ignore_errors=True)
    with room.guarded(folder):
        unfinished.mkdir()
        materialise(run.dataset_version, unfinished)
        unfinished.rename(data)


def artefact_of(version: ModelVersion) -> Path:
    """Where a version's files are, once they were verified.

    Raises:
        ModelRefused: one is missing or was changed.
    """
    folder = repository.artefact_folder(
        settings.MODEL_REPOSITORY, version.model.wire_name, version.number
    )
    repository.verify(folder)
    return folder
