"""The ASGI application: synchronous calls take the short way, Django answers the rest."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")
django.setup(set_prefix=False)

from loupe.api.body import LimitedHandler  # noqa: E402  (needs the settings)

application = LimitedHandler()
