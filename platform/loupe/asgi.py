"""The ASGI application: synchronous calls, streams of rows and parts of uploads take short ways,
Django answers the rest."""

import gc
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loupe.settings.dev")
django.setup(set_prefix=False)

from loupe.api.body import LimitedHandler, Receive, Scope, Send  # noqa: E402  (needs the settings)
from loupe.api.sync.application import SyncApplication  # noqa: E402
from loupe.api.sync.streams import StreamApplication  # noqa: E402
from loupe.api.tus.application import TusApplication, overridden  # noqa: E402


class Front:
    """Hands each request to a short way or to Django."""

    def __init__(self) -> None:
        self.sync = SyncApplication()
        self.stream = StreamApplication()
        self.tus = TusApplication()
        self.django = LimitedHandler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        if self.sync.takes(scope):
            return await self.sync(scope, receive, send)
        if self.stream.takes(scope):
            return await self.stream(scope, receive, send)
        meant = overridden(scope)
        if self.tus.takes(meant):
            return await self.tus(meant, receive, send)
        return await self.django(meant, receive, send)


application = Front()

SWITCH_S = 0.0005
"""How long a thread may keep the event loop from going on. It lets go at each send; with Python's
5 ms a thread that writes calls down then had it for that long, again and again."""
COLLECT_AFTER = 50_000
"""So many new containers start a collection; a call makes some thousand that go with it."""
sys.setswitchinterval(SWITCH_S)
gc.set_threshold(COLLECT_AFTER)

# What is loaded by now lives as long as the process: the collector need not look at it again and
# again, which would hold a call up for tens of milliseconds.
gc.collect()
gc.freeze()
