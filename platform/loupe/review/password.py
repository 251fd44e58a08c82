"""Asks for a signer's password again, through the same backends as sign-in, lockout included."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext as _

from loupe.review.errors import PasswordRefused


def confirm(user: User, password: str | None, request: HttpRequest | None) -> None:
    """Pass in silence if `password` is the user's.

    Call it outside the review's transaction: a wrong password is written down, whatever becomes
    of the review, and too many of them lock the account as they do at sign-in.

    Args:
        request: where the attempt came from; without one it counts as made on this machine.

    Raises:
        PasswordRefused: none was given, it is wrong, or the account is locked.
    """
    if not password:
        raise PasswordRefused(
            _("This is a signature: give your password together with it."), code="password_missing"
        )
    if request is None:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = "127.0.0.1"
    found = authenticate(request, username=user.get_username(), password=password)
    if found is None or found.pk != user.pk:
        raise PasswordRefused(
            _(
                "The password was not accepted, so nothing was signed. Try again; after too many "
                "wrong ones the account is locked for a while."
            )
        )
