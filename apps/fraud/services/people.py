"""Who works in a project: whom alerts and cases can be given to, and who is behind a key."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable
from loupe.host.people import Action, Actor, Project, can, people_who_may


def reviewers(project: Project) -> Sequence[User]:
    """Everybody who may decide here, by name."""
    return list(people_who_may(Action.MANAGE_CASES, project)[:500])


def named_or_nobody(project: Project, username: str) -> User | None:
    """As `named`; nobody where the name is empty."""
    return named(project, username) if username else None


def named(project: Project, username: str) -> User:
    """The person called so, if alerts and cases can be theirs.

    Raises:
        Unusable: nobody is, or they may not decide here.
    """
    found = User.objects.filter(username=username[:150], is_active=True).first()
    if found is None or not can(Actor(user=found), Action.MANAGE_CASES, project):
        raise Unusable(
            _("%(name)r cannot take this on: choose a reviewer of this project.")
            % {"name": username[:80]},
            field="assignee",
        )
    return found


def behind(actor: Actor) -> dict[str, str]:
    """Of a business system's key its name and who made it, for histories and the audit log, which
    name it by its prefix; of people nothing more is to be said."""
    if actor.key is None:
        return {}
    owner = actor.key.created_by
    return {"key": actor.key.name, "owner": owner.get_username() if owner else "system"}
