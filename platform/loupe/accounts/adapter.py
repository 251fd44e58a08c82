"""Accounts are made by administrators: there is no public sign-up."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth with the sign-up page shut."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
