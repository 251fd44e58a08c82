"""The base of every REST view: authenticate, find the project, ask the policy, then answer.

`Endpoint` serves what belongs to one project named by the caller; `RowEndpoint` one row that is
looked up by the address. Both ask `loupe.accounts.policy` before the handler runs; a view without
a policy for a method refuses it.
"""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, projects, require, visible
from loupe.api import limits
from loupe.api.authentication import actor_of
from loupe.api.negotiation import OneRepresentation
from loupe.api.permissions import Policy, Public, asked_of
from loupe.api.problems import refuse_field

Row = TypeVar("Row", bound=models.Model)


def named_project(actor: Actor, name: str | None) -> Project:
    """The project a request is about: a key's own, the one called `name`, or the only one.

    Raises:
        NotVisible: no such project for this actor.
        RequestRefused: the actor sees several and named none.
    """
    mine = projects(actor).order_by("slug")
    if name is not None:
        found = mine.filter(slug=name).first()
        if found is None:
            raise NotVisible(f"There is no project {name!r} that you can see.")
        return found
    first_two = list(mine[:2])
    if not first_two:
        raise NotVisible("You belong to no project yet: ask an administrator to add you.")
    if len(first_two) == 2:
        raise refuse_field(
            "project",
            "You can see several projects: name one by the query parameter 'project'.",
            "project_required",
        )
    return first_two[0]


class Endpoint(APIView):
    """A view inside one project. Subclasses declare `policy` and write handlers."""

    policy: ClassVar[Policy] = {}
    content_negotiation_class = OneRepresentation
    parser_classes: Sequence[type[BaseParser]] = (JSONParser,)
    renderer_classes = (JSONRenderer,)

    actor: Actor
    project: Project

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authentication and scope, the caller's rate, then project and role."""
        super().initial(request, *args, **kwargs)
        action = self.asked(request)
        if action is None:
            return
        self.actor = actor_of(request)
        limits.spend(self.actor)
        self.locate(action, request, **kwargs)

    def asked(self, request: Request) -> Action | None:
        """What the policy calls this method; None for public ones and unknown methods."""
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        action = self.policy.get(method)
        if action is None or isinstance(action, Public):
            return None
        return asked_of(actor_of(request), action)

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        """Set `project`, and ask whether the actor may do `action` in it."""
        self.project = named_project(self.actor, request.query_params.get("project"))
        require(self.actor, action, self.project)


class RowEndpoint(Endpoint, Generic[Row]):
    """A view of one row. `key` is both the address's argument and what is looked up by `field`;
    rows of other projects are not found."""

    key: ClassVar[str]
    field: ClassVar[str] = "pk"
    project_path: ClassVar[str] = "project"

    row: Row

    def rows(self) -> "models.QuerySet[Row]":
        """All rows of this kind, of every project."""
        raise NotImplementedError

    def locate(self, action: Action, request: Request, **kwargs: Any) -> None:
        self.row = find(self.rows(), self.actor, kwargs[self.key], self.field, self.project_path)
        self.project = self.project_of(self.row)
        require(self.actor, action, self.project)

    def project_of(self, row: Row) -> Project:
        """The project `row` belongs to, along `project_path`."""
        found: Any = row
        for step in self.project_path.split("__"):
            found = getattr(found, step)
        project: Project = found
        return project


def find(
    rows: "models.QuerySet[Row]",
    actor: Actor,
    value: uuid.UUID | int | str,
    field: str = "pk",
    project_path: str = "project",
) -> Row:
    """The row whose `field` is `value`, among those the actor may see.

    Raises:
        NotVisible: there is none.
    """
    kind = rows.model._meta.verbose_name
    missing = NotVisible(f"There is no {kind} {value} that you can see.")
    if isinstance(value, int) and not 0 <= value < 2**63:
        raise missing
    try:
        row = visible(rows, actor, project_path).filter(**{field: value}).first()
    except (ValidationError, ValueError) as error:
        raise missing from error
    if row is None:
        raise missing
    return row
