"""Who belongs to a project, in which role. A project never loses its last administrator."""

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils.translation import gettext as _

from loupe.accounts.errors import Invalid, LastAdmin, NotVisible
from loupe.accounts.models import Membership, Project, Role
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit


def listing(actor: Actor, project: Project) -> "models.QuerySet[Membership]":
    """The project's members by name."""
    require(actor, Action.MANAGE_MEMBERS, project)
    members = Membership.objects.filter(project=project)
    return members.select_related("user").order_by("user__username")


@transaction.atomic
def put(actor: Actor, project: Project, username: str, role: str) -> Membership:
    """Add the person called `username`, or change their role.

    Raises:
        NotVisible, Denied: the actor is no administrator of the project.
        Invalid: no such person or role.
        LastAdmin: the person is the only administrator and would stop being one.
    """
    require(actor, Action.MANAGE_MEMBERS, project)
    if role not in Role.values:
        raise Invalid(
            _("The role %(role)r is not known: choose one of %(known)s.")
            % {"role": role, "known": ", ".join(Role.values)},
            code="role_unknown",
        )
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(
            _("Nobody who can sign in is called %(name)r: an operator adds people in the admin.")
            % {"name": username},
            code="user_unknown",
        )
    # One change of members at a time, or two could each remove the other administrator.
    Project.objects.select_for_update().get(pk=project.pk)
    before = Membership.objects.filter(project=project, user=user).first()
    if before is not None and before.role == role:
        return before
    if before is not None and role != Role.ADMIN:
        _keep_an_admin(before)
    member, _created = Membership.objects.update_or_create(
        project=project, user=user, defaults={"role": role}
    )
    audit.record(
        actor,
        project,
        "member.added" if before is None else "member.changed",
        f"user:{username}"[:200],
        {"role": role, "before": None if before is None else before.role},
    )
    return member


@transaction.atomic
def remove(actor: Actor, project: Project, username: str) -> None:
    """End a person's membership.

    Raises:
        NotVisible: they are no member, or the project is not visible.
        Denied: the actor is no administrator.
        LastAdmin: the person is the only administrator.
    """
    require(actor, Action.MANAGE_MEMBERS, project)
    Project.objects.select_for_update().get(pk=project.pk)
    member = Membership.objects.filter(project=project, user__username=username).first()
    if member is None:
        raise NotVisible(_("%(name)r is no member of this project.") % {"name": username})
    _keep_an_admin(member)
    member.delete()
    audit.record(
        actor, project, "member.removed", f"user:{username}"[:200], {"before": member.role}
    )


def _keep_an_admin(leaving: Membership) -> None:
    """Raise if `leaving` is the only administrator who can sign in."""
    others = Membership.objects.filter(
        project=leaving.project_id, role=Role.ADMIN, user__is_active=True
    ).exclude(pk=leaving.pk)
    if leaving.role == Role.ADMIN and not others.exists():
        raise LastAdmin(
            _(
                "%(name)s is the only administrator of this project: "
                "make somebody else one before this."
            )
            % {"name": leaving.user.get_username()}
        )
