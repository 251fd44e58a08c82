"""Who works in a project: whom alerts and cases can be given to."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from apps.fraud.services.errors import Unusable
from loupe.host.people import Action, Actor, Project, can, people_who_may


def reviewers(project: Project) -> Sequence[User]:
    """Everybody who may decide here, by name."""
    return list(people_who_may(Action.REVIEW, project)[:500])


def named(project: Project, username: str) -> User:
    """The person called so, if alerts and cases can be theirs.

    Raises:
        Unusable: nobody is, or they may not decide here.
    """
    found = User.objects.filter(username=username[:150], is_active=True).first()
    if found is None or not can(Actor(user=found), Action.REVIEW, project):
        raise Unusable(
            _("%(name)r cannot take this on: choose a reviewer of this project.")
            % {"name": username[:80]},
            field="assignee",
        )
    return found
