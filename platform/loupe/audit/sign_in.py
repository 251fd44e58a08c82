"""Events for sign-in, sign-out, failures and second factors.

These come from the libraries that sign people in, whose interface is signals; nothing of Loupe's
own flow hangs on them.
"""

from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from axes.signals import user_locked_out
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from loupe.audit.services import record


class _Person:
    """The actor of an event that no policy was asked about."""

    def __init__(self, name: str) -> None:
        self.label = f"user:{_clean(name)}" if name else "anonymous"


def connect() -> None:
    """Listen; called once when Django is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    user_locked_out.connect(_locked_out, dispatch_uid="audit")
    password_changed.connect(_password, dispatch_uid="audit")
    password_set.connect(_password, dispatch_uid="audit")
    authentication_failed.connect(_second_factor_failed, dispatch_uid="audit")
    authenticator_added.connect(_second_factor_added, dispatch_uid="audit")
    authenticator_removed.connect(_second_factor_removed, dispatch_uid="audit")
    authenticator_reset.connect(_second_factor_reset, dispatch_uid="audit")


def _signed_in(*, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    _write("sign_in.done", user.get_username(), request)


def _signed_out(*, request: HttpRequest | None, user: AbstractBaseUser | None, **_: Any) -> None:
    if user is not None:
        _write("sign_out.done", user.get_username(), request)


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    _write("sign_in.failed", _known(credentials.get("username")), request)


def _locked_out(*, request: HttpRequest | None, username: str | None, **_: Any) -> None:
    _write("sign_in.locked_out", _known(username), request)


def _password(*, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    _write("password.changed", user.get_username(), request)


def _second_factor_failed(*, request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    _write("second_factor.failed", user.get_username(), request)


def _second_factor_added(*, request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    _write("second_factor.added", user.get_username(), request)


def _second_factor_removed(*, request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    _write("second_factor.removed", user.get_username(), request)


def _second_factor_reset(*, request: HttpRequest, user: AbstractBaseUser, **_: Any) -> None:
    _write("second_factor.reset", user.get_username(), request)


def _write(action: str, name: str, request: HttpRequest | None) -> None:
    person = _Person(name)
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    record(person, None, action, person.label, {"address": _clean(address)})


def _known(typed: object) -> str:
    """The name if somebody has it: what is typed into that field by mistake may be a password."""
    name = _clean(str(typed or ""))
    return name if User.objects.filter(username=name).exists() else ""


def _clean(text: str) -> str:
    """At most 150 printable characters: what a stranger typed must not break the log."""
    return "".join(sign for sign in text if sign.isprintable())[:150]
