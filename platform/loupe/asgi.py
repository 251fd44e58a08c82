"""The ASGI application: synchronous calls take the short way, Django answers the rest."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")

application = get_asgi_application()
