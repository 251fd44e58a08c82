"""A model file from a person: looked at, checked in a sandbox, installed as a candidate."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.blobs import spool
from loupe.blobs.sniff import content, table
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import repository
from loupe.plugins import registry as apps
from loupe.plugins.language import spoken
from loupe.registry.errors import UploadRefused
from loupe.registry.models import Model, ModelVersion
from loupe.registry.services.artefacts import add_version
from loupe.sandbox.pool import SandboxPool

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_CHECK_SECONDS = 120.0


def upload(
    actor: Actor, project: Project, app: str, name: str, path: Path, filename: str = ""
) -> ModelVersion:
    """Register the model file at `path` as the next version of the project's model `name`.

    The file stays where it is. `filename` is what the sender called it, for sentences.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        UnknownApp: no app has that slug.
        UploadRefused: the name is not allowed, or the app takes no uploads.
        ModelRefused: the file is a pickle, or the app's check refuses it.
        TemporarilyUnavailable: no sandbox, or no room on the disk.
    """
    require(actor, Action.MANAGE_MODELS, project)
    check = apps.get(app).check_artefact
    if check is None:
        raise UploadRefused(
            _("%(app)s takes no uploaded models.") % {"app": spoken(apps.get(app).name)}
        )
    check_name(name)
    refuse_by_content(path, filename or path.name)
    return install_made(actor, project, app, name, check, path, filename=filename)


def install_made(
    actor: Actor,
    project: Project,
    app: str,
    name: str,
    make: str,
    path: Path,
    *,
    filename: str = "",
    verify: Callable[[Path], None] | None = None,
) -> ModelVersion:
    """Register what the app's function `make` makes of the file at `path`, as `upload` does.

    `make` takes a folder to fill, the file and its name, and returns a manifest; it runs in a
    sandboxed process of its own. Nothing here looks at the file: whoever calls this answers for
    letting `make` read it. `verify` looks at the artefact before it is registered.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        UploadRefused: the name is not allowed.
        ModelRefused: `make` or `verify` refuses it.
        TemporarilyUnavailable: no sandbox, or no room on the disk.
    """
    require(actor, Action.MANAGE_MODELS, project)
    check_name(name)
    folder = spool.at(settings.SPOOL).new_file()
    folder.mkdir(mode=0o700)
    try:
        manifest = _made(make, folder, path, filename or path.name)
        _complete(folder, manifest, app, name)
        if verify is not None:
            verify(folder)
        version = add_version(Model(app=app, project=project, name=name), folder, actor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with transaction.atomic():
        facts = {"model": name, "version": version.number, "sha256": version.artefact_sha256}
        record(actor, project, "model.uploaded", f"model_version:{version.pk}", facts)
        publish(project, Kind.MODEL_REGISTERED, version.pk, facts)
    return version


def check_name(name: str) -> None:
    """Refuse what cannot be a model's name.

    Raises:
        UploadRefused: it is too long or has other characters.
    """
    if not _NAME.fullmatch(name):
        raise UploadRefused(
            _(
                "name=%(name)r cannot be a model's name: use at most 60 of a–z, 0–9, '-' and '_', "
                "starting with a letter or digit."
            )
            % {"name": name},
            code="model_name",
        )


def refuse_by_content(path: Path, filename: str) -> None:
    """Refuse at once what no app may read, before anything opens the file.

    Raises:
        ModelRefused: it is empty or a pickle.
    """
    if path.stat().st_size == 0:
        raise ModelRefused(
            _("%(name)r is empty (0 bytes). Send it again.") % {"name": filename}, code="empty_file"
        )
    media_type = content.media_type(path)
    if media_type in {table.PICKLE, table.TORCH}:
        raise ModelRefused(
            _(
                "%(name)r is a %(format)s: reading it can run code, so Loupe never does. Export "
                "the model to ONNX and upload that."
            )
            % {"name": filename, "format": table.name_of(media_type)},
            code="pickle_refused",
        )


def _made(make: str, folder: Path, path: Path, filename: str) -> dict[str, Any]:
    with SandboxPool(1, settings.SANDBOX_MEMORY_BYTES, _CHECK_SECONDS) as pool:
        manifest = pool.call(make, [folder, path, filename], name=filename)
    if not isinstance(manifest, dict):
        raise ModelRefused(
            _("The check of %(name)r gave no manifest.") % {"name": filename},
            code="manifest_invalid",
        )
    return manifest


def _complete(folder: Path, manifest: dict[str, Any], app: str, name: str) -> None:
    """Write ``manifest.json``: what the check said, plus what only the host can know."""
    manifest_file = folder / repository.MANIFEST
    manifest_file.unlink(missing_ok=True)
    entries = sorted(folder.iterdir())
    for entry in entries:
        if entry.is_symlink() or not entry.is_file():
            raise ModelRefused(
                _("The artefact holds %(name)r, which is no plain file.") % {"name": entry.name}
            )
    completed = {
        **manifest,
        "schema": repository.SCHEMA,
        "app": app,
        "name": name,
        "files": {entry.name: repository.file_sha256(entry) for entry in entries},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    manifest_file.write_text(json.dumps(completed, indent=2, ensure_ascii=False) + "\n")
