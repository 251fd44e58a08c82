"""Who sends a part: a key, or the person of the browser's session with its CSRF token.

Parts are read before Django's middleware is asked, so the same questions are asked here.
"""

from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.handlers.asgi import ASGIRequest
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from loupe.accounts import keys
from loupe.accounts.policy import Actor
from loupe.api.authentication import SessionAuthentication, key_in
from loupe.api.body import Scope, headers_of


def actor_behind(scope: Scope) -> Actor:
    """The actor of an ASGI request; asks the database.

    Raises:
        RequestRefused, KeyRefused: the key is malformed or opens nothing.
        Denied: the CSRF token is missing or wrong.
        NotAuthenticated: nobody is there.
    """
    raw = key_in(headers_of(scope).get("authorization", ""))
    if raw is not None:
        return Actor(key=keys.remembered(raw) or keys.authenticate(raw))
    request: Any = ASGIRequest(scope, BytesIO())
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = auth.get_user(request)
    found = SessionAuthentication().authenticate(Request(request))
    if found is None:
        raise NotAuthenticated("Send an API key, or sign in.")
    return Actor.of(found[0])
