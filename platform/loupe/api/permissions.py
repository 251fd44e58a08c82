"""Deny by default: an endpoint that declares no policy for a method refuses it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from loupe.accounts.errors import Denied
from loupe.accounts.policy import Action, Actor
from loupe.api.authentication import actor_of

if TYPE_CHECKING:
    # Django REST framework's views load this module while they are being imported.
    from rest_framework.views import APIView


class Public:
    """Marks a method that anybody may call: the API's own description, nothing else."""


PUBLIC: Final = Public()
Policy: TypeAlias = Mapping[str, Action | tuple[Action, ...] | Public]
"""By method. Of several actions any one opens the address, the one that the lowest role covers
first; the service asks for what this very call needs."""


def asked_of(actor: Actor, wanted: Action | tuple[Action, ...]) -> Action:
    """The action to ask an actor about: of several the one that a key has as a scope, else the
    first."""
    # An app's own view writes the plain word.
    several = tuple(map(Action, wanted)) if isinstance(wanted, tuple) else (Action(wanted),)
    held = actor.key.scopes if actor.key is not None else ()
    return next((action for action in several if action.value in held), several[0])


class DenyByDefault(BasePermission):
    """First gate: is somebody there, and does a key have the scope at all?

    The second gate is the project's (`Endpoint.allow`), which every handler must pass.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        policy: Policy = getattr(view, "policy", {})
        method = "GET" if request.method in {"HEAD", "OPTIONS"} else str(request.method)
        if str(request.method) not in view.allowed_methods:
            return True  # the dispatcher answers 405
        action = policy.get(method)
        if action is None:
            raise Denied(f"{request.method} is not opened by any policy here.")
        if isinstance(action, Public):
            return True
        actor = actor_of(request)
        action = asked_of(actor, action)
        if actor.key is not None and action.value not in actor.key.scopes:
            raise Denied(
                f"This key lacks the scope {action.value!r}; it has {sorted(actor.key.scopes)}.",
                code="scope_missing",
            )
        return True
