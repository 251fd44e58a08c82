"""What the synchronous service does off the event loop: blocking work and writing down."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections

from loupe.api.sync.entries import Answer, Entry, commit
from loupe.api.sync.gathering import Gathering
from loupe.api.sync.writer import GroupWriter
from loupe.contract.runtime.lanes import Lane
from loupe.engine.aio_client import AsyncEngineClient

Given = ParamSpec("Given")
Got = TypeVar("Got")

_THREADS = 4


class Backstage(Protocol):
    """How the service reaches the engine, the disk and the database."""

    engine: AsyncEngineClient
    remembers: bool
    """Whether models and operating points may come from memory for a second."""
    gathering: Gathering
    """Where short calls meet; asked only where `remembers`."""

    async def do(
        self, work: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs
    ) -> Got:
        """Run blocking `work` and wait for it."""

    async def write(self, entry: Entry) -> Answer:
        """Store one call; returns once it is committed."""


class ForAsgi:
    """Of the short path: threads of its own, and one transaction for calls that come together."""

    remembers = True

    def __init__(self) -> None:
        self.engine = AsyncEngineClient(Path(settings.ENGINE_SOCKET), lane=Lane.LINE)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sync")
        self._writer = GroupWriter()
        self.gathering = Gathering()

    async def do(
        self, work: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs
    ) -> Got:
        def called() -> Got:
            close_old_connections()
            return work(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._threads, called)

    async def write(self, entry: Entry) -> Answer:
        return await self._writer.write(entry)


class ForDjango:
    """Of a Django view: everything in the request's own thread and database connection."""

    remembers = False

    def __init__(self) -> None:
        self.engine = AsyncEngineClient(Path(settings.ENGINE_SOCKET), lane=Lane.LINE)
        self.gathering = Gathering()

    async def do(
        self, work: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs
    ) -> Got:
        return await sync_to_async(work, thread_sensitive=True)(*args, **kwargs)

    async def write(self, entry: Entry) -> Answer:
        return (await self.do(commit, [entry]))[0]
