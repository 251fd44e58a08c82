"""Group commit: calls that come while a transaction runs share the next one."""

import asyncio
import queue
import threading
from dataclasses import dataclass

from django.db import close_old_connections

from loupe.api.sync.checkpoints import Checkpoints
from loupe.api.sync.entries import Answer, Entry, commit

MOST_TOGETHER = 64


@dataclass(frozen=True)
class _Waiting:
    entry: Entry
    loop: asyncio.AbstractEventLoop
    answered: "asyncio.Future[Answer]"

    def succeed(self, answer: Answer) -> None:
        self.loop.call_soon_threadsafe(self._settle, answer, None)

    def fail(self, error: BaseException) -> None:
        self.loop.call_soon_threadsafe(self._settle, None, error)

    def _settle(self, answer: Answer | None, error: BaseException | None) -> None:
        if self.answered.cancelled():
            return
        if error is not None:
            self.answered.set_exception(error)
        elif answer is not None:
            self.answered.set_result(answer)


class GroupWriter:
    """One thread that stores what has gathered since it last looked, in one transaction.

    A lone call is stored at once; nobody waits for company.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="group-writer", daemon=True)
        self._thread.start()

    async def write(self, entry: Entry) -> Answer:
        """Store `entry`; returns its answer once it is committed."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, loop, loop.create_future())
        self._queue.put(waiting)
        return await waiting.answered

    def _work(self) -> None:
        checkpoints = Checkpoints()
        while True:
            group = [self._queue.get()]
            while len(group) < MOST_TOGETHER and not self._queue.empty():
                group.append(self._queue.get())
            self._store(group)
            # Behind the answers, which need not wait for any of it.
            checkpoints.after(len(group))
            close_old_connections()

    def _store(self, group: list[_Waiting]) -> None:
        try:
            answers = commit([waiting.entry for waiting in group])
        except Exception as error:
            # The border of the thread: whatever happened belongs to who waits. One bad call, or
            # one whose app refuses its block, must not take its neighbours with it.
            if len(group) == 1:
                group[0].fail(error)
                return
            for waiting in group:
                self._store([waiting])
        else:
            for waiting, answer in zip(group, answers, strict=True):
                waiting.succeed(answer)
