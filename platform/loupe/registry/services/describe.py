"""What people want to know about a version, from its manifest as recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from loupe.engine import repository
from loupe.registry.models import ModelVersion


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One version for a page or an answer. `bytes_on_disk` is None where the files are gone."""

    name: str
    number: int
    app: str
    stage: str
    shared: bool
    format: str
    task: str
    classes: tuple[str, ...]
    input: Mapping[str, Any]
    licence: str
    artefact_sha256: str
    bytes_on_disk: int | None
    created_at: datetime
    promoted_at: datetime | None
    created_by: str


def describe(version: ModelVersion) -> ModelCard:
    """The version's card."""
    manifest = version.manifest
    folder = repository.artefact_folder(
        settings.MODEL_REPOSITORY, version.model.wire_name, version.number
    )
    try:
        size = repository.size_of(folder, manifest)
    except FileNotFoundError:
        size = None
    return ModelCard(
        name=version.model.name,
        number=version.number,
        app=version.model.app,
        stage=version.stage,
        shared=version.model.project_id is None,
        format=str(manifest.get("format", "")),
        task=str(manifest.get("task", "")),
        classes=tuple(str(name) for name in manifest.get("classes", ())),
        input=manifest.get("input", {}),
        licence=str(manifest.get("licence", "")),
        artefact_sha256=version.artefact_sha256,
        bytes_on_disk=size,
        created_at=version.created_at,
        promoted_at=version.promoted_at,
        created_by=version.created_by.get_username() if version.created_by else "",
    )
