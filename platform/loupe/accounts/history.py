"""Reading the audit log as a person or key may see it."""

from django.db import models

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.audit.models import Event


def events(actor: Actor, project: Project) -> "models.QuerySet[Event]":
    """The project's audit events, newest first.

    Raises:
        NotVisible, Denied: the actor may not read the project's audit log.
    """
    require(actor, Action.READ_AUDIT, project)
    return audit.of_project(project)
