"""Projects: made and described."""

import zoneinfo

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.errors import Denied, Invalid
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit


@transaction.atomic
def create(actor: Actor, slug: str, name: str, time_zone: str = "UTC") -> Project:
    """Make a project; a person who makes it becomes its administrator.

    Raises:
        Denied: only the system and superusers make projects.
        Invalid: the slug is taken or malformed, or the time zone is unknown.
    """
    if actor.key is not None or (actor.user is not None and not actor.user.is_superuser):
        raise Denied(_("Only an operator of this installation makes projects."))
    project = Project(slug=slug, name=_named(name), time_zone=_zone(time_zone))
    _check_slug(slug)
    project.save(force_insert=True)
    if actor.user is not None:
        Membership.objects.create(project=project, user=actor.user, role=Role.ADMIN)
    audit.record(actor, project, "project.created", f"project:{project.slug}", {"name": name})
    return project


@transaction.atomic
def describe(
    actor: Actor, project: Project, *, name: str, time_zone: str, second_person: bool | None = None
) -> Project:
    """Change a project's name, its time zone, and whether promotions need a second person.

    Args:
        second_person: None leaves it as it is.

    Raises:
        NotVisible, Denied: the actor is no administrator of it.
        Invalid: an empty name or an unknown time zone.
    """
    require(actor, Action.MANAGE_MEMBERS, project)
    before = _described(project)
    project.name, project.time_zone = _named(name), _zone(time_zone)
    if second_person is not None:
        project.second_person = second_person
    project.save(update_fields=list(before))
    after = _described(project)
    audit.record(
        actor,
        project,
        "settings.changed",
        f"project:{project.slug}",
        {"before": before, "after": after},
    )
    return project


def _described(project: Project) -> dict[str, object]:
    return {
        "name": project.name,
        "time_zone": project.time_zone,
        "second_person": project.second_person,
    }


def _named(name: str) -> str:
    if not 0 < len(name.strip()) <= 100:
        raise Invalid(_("A project needs a name of 1 to 100 characters."), code="name_invalid")
    return name.strip()


def _check_slug(slug: str) -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    if not 0 < len(slug) <= 50 or not set(slug) <= allowed or slug.startswith("-"):
        raise Invalid(
            _(
                "The project's short name %(slug)r is not allowed: use 1 to 50 lower-case "
                "letters, digits and hyphens, not starting with a hyphen."
            )
            % {"slug": slug},
            code="slug_invalid",
        )
    if Project.objects.filter(slug=slug).exists():
        raise Invalid(
            _("A project called %(slug)r exists: choose another short name.") % {"slug": slug},
            code="slug_taken",
        )


def _zone(time_zone: str) -> str:
    if time_zone not in zoneinfo.available_timezones():
        raise Invalid(
            _("%(zone)r is no IANA time zone: use a name such as Europe/Berlin.")
            % {"zone": time_zone},
            code="time_zone_unknown",
        )
    return time_zone
