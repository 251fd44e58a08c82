"""Registers the models that apps bring along, shared by all projects."""

import sys
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from loupe.accounts.policy import SYSTEM
from loupe.audit.services import record
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from loupe.plugins import registry as apps
from loupe.registry.models import Model, ModelVersion, Stage
from loupe.registry.services.artefacts import add_version
from loupe.registry.services.promotion import in_production, replace


def register_shipped(app: str | None = None) -> list[ModelVersion]:
    """Install and put into production the shipped models of every installed app, or of one.

    Safe to repeat and safe for two processes at once: the same artefact is registered once, and
    artefacts missing from the repository are put back.

    Raises:
        ModelRefused: a shipped artefact is missing or does not verify; the start stops.
    """
    chosen = apps.installed() if app is None else (apps.get(app),)
    return [_register(one, folder) for one in chosen for folder in _folders(one)]


def _folders(app: type[DomainApp]) -> list[Path]:
    module = sys.modules[app.__module__]
    if module.__file__ is None:
        raise ModelRefused(f"App {app.slug!r} is not installed as files; its models are missing.")
    return [Path(module.__file__).parent / folder for folder in app.shipped_models]


def _register(app: type[DomainApp], folder: Path) -> ModelVersion:
    manifest = repository.verify(folder)
    name = str(manifest.get("name") or folder.name)
    try:
        model, _ = Model.objects.get_or_create(
            app=app.slug,
            project=None,
            name=name,
            defaults={"description": str(manifest.get("description", ""))},
        )
    except IntegrityError:  # the other starter was quicker
        model = Model.objects.get(app=app.slug, project=None, name=name)
    sha256 = repository.artefact_sha256(manifest)
    version = model.versions.filter(artefact_sha256=sha256).order_by("number").first()
    if version is None:
        version = add_version(model, folder, SYSTEM, once=True)
    else:
        repository.install(folder, settings.MODEL_REPOSITORY, model.wire_name, version.number)
    _put_into_production(version)
    return version


def _put_into_production(version: ModelVersion) -> None:
    with transaction.atomic():
        # The other starter waits here, then finds it done.
        Model.objects.select_for_update().get(pk=version.model_id)
        version.refresh_from_db()
        if version.stage == Stage.PRODUCTION:
            return
        replace(in_production(version.model), version, Stage(version.stage))
        facts = {"model": version.model.name, "version": version.number}
        record(SYSTEM, None, "model.registered", f"model_version:{version.pk}", facts)
    version.refresh_from_db()
