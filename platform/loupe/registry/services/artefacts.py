"""From a folder with an artefact to a version row; the files are always there before the row."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, models, transaction

from loupe.accounts.policy import Actor
from loupe.blobs import room
from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from loupe.registry.models import Model, ModelVersion
from loupe.registry.services.operating import first_point


def add_version(model: Model, folder: Path, actor: Actor, *, once: bool = False) -> ModelVersion:
    """Install the artefact in `folder` as the model's next version, a candidate.

    `model` may be new: its row is written together with that of its first version, so that an
    upload which fails leaves no name without a version behind.

    Call it outside a transaction: copying takes as long as it takes, and a number taken by
    somebody else meanwhile is passed over. With `once`, a version with the same artefact that
    somebody else wrote meanwhile is returned instead of a second one.

    Raises:
        ModelRefused: the artefact does not verify.
        DiskFull: there is no room.
    """
    manifest = repository.verify(folder)
    sha256 = repository.artefact_sha256(manifest)
    versions = ModelVersion.objects.filter(
        model__app=model.app, model__project=model.project, model__name=model.name
    )
    number = (versions.aggregate(last=models.Max("number"))["last"] or 0) + 1
    settings.MODEL_REPOSITORY.mkdir(parents=True, exist_ok=True)
    room.require(settings.MODEL_REPOSITORY, repository.size_of(folder, manifest))
    while True:
        try:
            with room.guarded(settings.MODEL_REPOSITORY):
                place = repository.install(
                    folder, settings.MODEL_REPOSITORY, model.wire_name, number
                )
            with transaction.atomic():
                kept, _ = Model.objects.get_or_create(
                    app=model.app, project=model.project, name=model.name
                )
                # One at a time from here: who comes second sees the first one's row.
                Model.objects.select_for_update().get(pk=kept.pk)
                theirs = versions.filter(artefact_sha256=sha256).first() if once else None
                if theirs is None:
                    return _write(kept, number, manifest, sha256, actor)
            if theirs.number != number:
                shutil.rmtree(place, ignore_errors=True)
            return theirs
        except ModelRefused as refusal:
            # Left by a start that was killed before its row was written, or taken just now.
            if refusal.code != "version_taken":
                raise
        except IntegrityError:
            if not versions.filter(number=number).exists():
                raise
        number += 1


def _write(
    model: Model, number: int, manifest: dict[str, Any], sha256: str, actor: Actor
) -> ModelVersion:
    version = ModelVersion.objects.create(
        model=model,
        number=number,
        manifest=manifest,
        artefact_sha256=sha256,
        created_by=actor.user,
    )
    first_point(version, actor)
    return version
