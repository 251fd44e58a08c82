"""Who may do what: the one place that answers permission questions. Deny by default.

A person acts through a `Membership` role in a project, a business system through an `ApiKey`'s
scopes in one project. Every query for rows of projects goes through `visible`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import models
from django.utils.translation import gettext as _

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import ApiKey, Membership, Project, Role


class Action(StrEnum):
    """Everything a policy question can be about. API scopes carry the same names."""

    VIEW = "view"
    SUBMIT = "submit"
    CANCEL = "cancel"
    REVIEW = "review"
    EXPORT = "export"
    LABEL = "label"
    MANAGE_CASES = "manage_cases"
    MANAGE_DATASETS = "manage_datasets"
    TRAIN = "train"
    MANAGE_MODELS = "manage_models"
    MANAGE_SCHEDULES = "manage_schedules"
    MANAGE_WEBHOOKS = "manage_webhooks"
    MANAGE_KEYS = "manage_keys"
    MANAGE_MEMBERS = "manage_members"
    READ_AUDIT = "read_audit"


LOWEST_ROLE: dict[Action, Role] = {
    Action.VIEW: Role.VIEWER,
    Action.EXPORT: Role.VIEWER,
    Action.SUBMIT: Role.OPERATOR,
    Action.CANCEL: Role.OPERATOR,
    Action.REVIEW: Role.REVIEWER,
    Action.LABEL: Role.REVIEWER,
    Action.MANAGE_CASES: Role.REVIEWER,
    Action.MANAGE_DATASETS: Role.ENGINEER,
    Action.TRAIN: Role.ENGINEER,
    Action.MANAGE_MODELS: Role.ENGINEER,
    Action.MANAGE_SCHEDULES: Role.ENGINEER,
    Action.MANAGE_WEBHOOKS: Role.ADMIN,
    Action.MANAGE_KEYS: Role.ADMIN,
    Action.MANAGE_MEMBERS: Role.ADMIN,
    Action.READ_AUDIT: Role.ADMIN,
}
SCOPES: frozenset[str] = frozenset(action.value for action in Action) - {
    Action.REVIEW,  # a review is a person's word
    Action.LABEL,  # and so is a label
    Action.MANAGE_KEYS,
    Action.MANAGE_MEMBERS,
}
_RANK = {role: rank for rank, role in enumerate(Role)}

RowModel = TypeVar("RowModel", bound=models.Model)


@dataclass(frozen=True)
class Actor:
    """Who acts: a signed-in person, an API key, or (neither) the system itself."""

    user: User | None = None
    key: ApiKey | None = None

    @property
    def label(self) -> str:
        """How audit events name the actor."""
        if self.user is not None:
            return f"user:{self.user.get_username()}"
        if self.key is not None:
            return f"key:{self.key.prefix}"
        return "system"

    @classmethod
    def of(cls, user: AbstractBaseUser | AnonymousUser) -> "Actor":
        """The person behind a request; anonymous people are refused before this."""
        if not isinstance(user, User):
            raise Denied(_("Sign in first: nobody is signed in."), code="not_signed_in")
        return cls(user=user)


SYSTEM = Actor()


def projects(actor: Actor) -> "models.QuerySet[Project]":
    """The projects whose existence the actor may know."""
    if actor.key is not None:
        return Project.objects.filter(pk=actor.key.project_id)
    if actor.user is None:
        return Project.objects.all()
    if not actor.user.is_active:
        return Project.objects.none()
    if actor.user.is_superuser:
        return Project.objects.all()
    return Project.objects.filter(memberships__user=actor.user)


def visible(
    rows: "models.QuerySet[RowModel]", actor: Actor, path: str = "project"
) -> "models.QuerySet[RowModel]":
    """Only those of `rows` whose project (reached by the lookup `path`) the actor may see."""
    if actor.key is not None:
        return rows.filter(**{path: actor.key.project_id})
    if actor.user is None or (actor.user.is_superuser and actor.user.is_active):
        return rows
    return rows.filter(**{f"{path}__in": projects(actor).values("pk")})


def can(actor: Actor, action: Action, project: Project) -> bool:
    """Whether the actor may do `action` in `project`."""
    if actor.key is not None:
        return actor.key.project_id == project.pk and action.value in actor.key.scopes
    if actor.user is None:
        return True
    if not actor.user.is_active:
        return False
    if actor.user.is_superuser:
        return True
    membership = Membership.objects.filter(project=project, user=actor.user).first()
    return membership is not None and _RANK[Role(membership.role)] >= _RANK[LOWEST_ROLE[action]]


def people_who_may(action: Action, project: Project) -> "models.QuerySet[User]":
    """The members whose role covers `action`, by name: whom work can be given to."""
    roles = [role for role in Role if _RANK[role] >= _RANK[LOWEST_ROLE[action]]]
    rows = User.objects.filter(
        is_active=True, memberships__project=project, memberships__role__in=roles
    )
    return rows.order_by("username")


def require(actor: Actor, action: Action, project: Project) -> None:
    """Pass in silence or raise.

    Raises:
        NotVisible: the project does not exist for this actor.
        Denied: it does, but the role or scope does not cover `action`.
    """
    if not projects(actor).filter(pk=project.pk).exists():
        raise NotVisible(
            _("There is no project %(slug)r that you can see.") % {"slug": project.slug}
        )
    if can(actor, action, project):
        return
    if actor.key is not None:
        raise Denied(
            _("This key lacks the scope %(scope)r; it has %(scopes)s.")
            % {"scope": action.value, "scopes": sorted(actor.key.scopes)},
            code="scope_missing",
        )
    raise Denied(
        _("%(action)r needs the role %(role)r or above in this project.")
        % {"action": action.value, "role": LOWEST_ROLE[action].value},
        code="role_missing",
    )
