"""Who asks: a business system by API key, or a person by session (with CSRF)."""

from django.contrib.auth.models import AnonymousUser, User
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from loupe.accounts import keys
from loupe.accounts.errors import Denied
from loupe.accounts.models import ApiKey
from loupe.accounts.policy import Actor
from loupe.api.errors import RequestRefused

SCHEMES = ("api-key", "bearer")


def key_in(authorization: str) -> str | None:
    """The raw key of an ``Authorization`` header; None where the header is missing.

    Raises:
        RequestRefused: the header is there but is neither ``Api-Key …`` nor ``Bearer …``.
    """
    if not authorization:
        return None
    scheme, _, raw = authorization.partition(" ")
    raw = raw.strip()
    if scheme.lower() not in SCHEMES or not raw or " " in raw:
        raise RequestRefused(
            "The Authorization header is not understood: send 'Api-Key KEY' or 'Bearer KEY'.",
            code="key_malformed",
        )
    return raw


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """``Authorization: Api-Key …`` or ``Bearer …``."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        raw = key_in(request.headers.get("Authorization", ""))
        if raw is None:
            return None
        return AnonymousUser(), keys.authenticate(raw)

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


class SessionAuthentication(authentication.SessionAuthentication):
    """The signed-in person of the browser; unsafe methods need the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise Denied(
                f"{error.detail}: send the csrftoken cookie's value as X-CSRFToken.",
                code="csrf_failed",
            ) from error


def actor_of(request: Request) -> Actor:
    """The key or person behind an authenticated request.

    Raises:
        NotAuthenticated: there is neither.
    """
    if isinstance(request.auth, ApiKey):
        return Actor(key=request.auth)
    if isinstance(request.user, User) and request.user.is_active:
        return Actor(user=request.user)
    raise exceptions.NotAuthenticated("Send an API key, or sign in.")
