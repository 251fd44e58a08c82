"""Which folders are watched: `watch`, `set_enabled`, `unwatch`; polled by `loupe.jobs.folders`."""

import uuid
from collections.abc import Mapping
from pathlib import PurePosixPath

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.intake import facts as intake_facts
from loupe.intake.errors import FolderRefused
from loupe.intake.models import WatchedFolder
from loupe.plugins import registry as apps


def listing(actor: Actor, project: Project) -> "models.QuerySet[WatchedFolder]":
    """The project's watched folders by path."""
    require(actor, Action.MANAGE_SCHEDULES, project)
    return WatchedFolder.objects.filter(project=project).order_by("path")


@transaction.atomic
def watch(
    actor: Actor,
    project: Project,
    *,
    path: str,
    app: str,
    model_name: str = "",
    facts: Mapping[str, str] | None = None,
) -> WatchedFolder:
    """Make the new files of a folder submissions from now on.

    Args:
        path: relative to LOUPE_WATCH_ROOT, with slashes; the folder must exist there.
        facts: what is said of everything that arrives there.

    Raises:
        NotVisible, Denied: the actor may not manage schedules here.
        UnknownApp: no app has that slug.
        FolderRefused: the path leaves the root, does not exist, or is watched already.
        FactRefused: a fact is not one that the app takes.
    """
    require(actor, Action.MANAGE_SCHEDULES, project)
    said = intake_facts.checked(apps.get(app), project, facts or {})
    below = PurePosixPath(path.strip())
    if below.is_absolute() or ".." in below.parts or "\\" in path or not below.parts:
        raise FolderRefused(
            _("The folder %(path)r is not allowed: give a path below LOUPE_WATCH_ROOT.")
            % {"path": path}
        )
    root = settings.WATCH_ROOT.resolve()
    whole = (root / below).resolve()
    if not whole.is_relative_to(root) or not whole.is_dir():
        raise FolderRefused(
            _("There is no folder %(path)r below LOUPE_WATCH_ROOT: make it first.")
            % {"path": str(below)}
        )
    if WatchedFolder.objects.filter(project=project, app=app, path=str(below)).exists():
        raise FolderRefused(_("The folder %(path)r is watched already.") % {"path": str(below)})
    folder = WatchedFolder.objects.create(
        project=project, app=app, path=str(below), model_name=model_name.strip(), facts=said
    )
    told = {"path": folder.path, "app": app, "model": folder.model_name, "facts": said}
    audit.record(actor, project, "folder.watched", f"folder:{folder.pk}", told)
    return folder


@transaction.atomic
def set_enabled(
    actor: Actor, project: Project, folder_id: uuid.UUID, enabled: bool
) -> WatchedFolder:
    """Switch a folder on or off."""
    folder = _find(actor, project, folder_id)
    folder.enabled = enabled
    folder.save(update_fields=["enabled"])
    facts = {"path": folder.path, "enabled": enabled}
    audit.record(actor, project, "folder.changed", f"folder:{folder.pk}", facts)
    return folder


@transaction.atomic
def unwatch(actor: Actor, project: Project, folder_id: uuid.UUID) -> None:
    """Stop watching; what was submitted stays, the files are not touched."""
    folder = _find(actor, project, folder_id)
    subject, facts = f"folder:{folder.pk}", {"path": folder.path}
    folder.delete()
    audit.record(actor, project, "folder.unwatched", subject, facts)


def _find(actor: Actor, project: Project, folder_id: uuid.UUID) -> WatchedFolder:
    require(actor, Action.MANAGE_SCHEDULES, project)
    folder = WatchedFolder.objects.filter(project=project, pk=folder_id).first()
    if folder is None:
        raise NotVisible(
            _("There is no watched folder %(id)s that you can see.") % {"id": folder_id}
        )
    return folder
