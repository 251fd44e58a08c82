"""Calls of a few rows that come at once are answered as one batch, each with its own rows.

A call that comes while others of its kind are under way waits for the next batch: one question to
the engine, one block and one submission for all of them. A lone call goes at once and waits for
nobody, so under little load nothing changes, and under much each batch grows instead of the queue.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loupe.api.sync.receiving import stored_bytes
from loupe.blobs.small import Small
from loupe.contract.reading import ARROW, NDJSON
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import load

if TYPE_CHECKING:
    from loupe.api.sync.batches import Batch
    from loupe.api.sync.entries import Answer
    from loupe.api.sync.rows import RowsCall, Stored

FEW_ROWS = 16
"""A call of more rows is a batch of its own."""
MOST_CALLS, MOST_ROWS = 64, 512
UNDER_WAY = 2
"""Batches of one kind: one with the engine while another is written down."""


def fits(call: "RowsCall", batch: "Batch") -> bool:
    """Whether a call may share a batch: its app allows it, it is short, and nothing but its rows
    tells it from others."""
    asked = call.call
    return (
        asked.mode.together is not None
        and call.backstage.remembers
        and asked.key is None
        and not asked.facts
        and call.sent_as != ARROW
        and isinstance(call.body, Small)
        and batch.count <= FEW_ROWS
    )


@dataclass
class _Waiting:
    call: "RowsCall"
    batch: "Batch"
    answered: "asyncio.Future[Answer]"


@dataclass
class _Kind:
    """Calls that may share a batch."""

    waiting: "deque[_Waiting]" = field(default_factory=deque)
    under_way: int = 0


class Gathering:
    """Of one event loop."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[Any, ...], _Kind] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, call: "RowsCall", batch: "Batch") -> "Answer":
        """The answer to one call, perhaps as part of a batch.

        Raises:
            LoupeError: what the call alone would have raised.
        """
        asked = call.call
        name = (
            asked.app.slug, asked.project.pk, asked.actor.label, asked.model, asked.policy,
            asked.deadline_ms, asked.name, _form(batch.payload),
        )  # fmt: skip
        kind = self._kinds.setdefault(name, _Kind())
        one = _Waiting(call, batch, asyncio.get_running_loop().create_future())
        call.handed_over = True
        kind.waiting.append(one)
        if kind.under_way < UNDER_WAY:
            kind.under_way += 1
            task = asyncio.create_task(self._work(name, kind))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await one.answered

    async def _work(self, name: tuple[Any, ...], kind: _Kind) -> None:
        """Batch after batch, until nobody of this kind waits."""
        try:
            while kind.waiting:
                await _answer_all(_taken(kind.waiting))
        finally:
            kind.under_way -= 1
            if not kind.under_way and not kind.waiting:
                self._kinds.pop(name, None)


def _taken(waiting: "deque[_Waiting]") -> list[_Waiting]:
    """The first of them that fit one batch, without those whose callers went away."""
    found: list[_Waiting] = []
    rows = 0
    while waiting and len(found) < MOST_CALLS and rows + waiting[0].batch.count <= MOST_ROWS:
        one = waiting.popleft()
        if not one.answered.cancelled():
            found.append(one)
            rows += one.batch.count
    return found


async def _answer_all(group: list[_Waiting]) -> None:
    """Answer every caller of a group; never raises."""
    if not group:
        return
    if len(group) == 1:
        await _settle(group[0], _alone(group[0]))
        return
    lead = group[0].call
    joined = type(lead)(
        lead.call, _bodies(group), NDJSON, False, lead.backstage, lead.started
    )  # fmt: skip
    joined.clock.merge(lead.clock.times_ms)
    count = sum(one.batch.count for one in group)
    payload = _payload([one.batch.payload for one in group])
    batch = replace(group[0].batch, payload=payload, count=count)
    try:
        stored = await joined.applied(batch)
    except InputRefused:
        # What one of them did must not be the others' trouble.
        for one in group:
            await _settle(one, _alone(one))
        return
    except Exception as error:  # the border of the task: it belongs to those who wait
        for one in group:
            _fail(one, error)
        return
    first = 0
    for one in group:
        stop = first + one.batch.count
        await _settle(one, _part(one, stored, first, stop, len(group)))
        first = stop


async def _alone(one: _Waiting) -> "Answer":
    return await one.call.shown(await one.call.applied(one.batch))


async def _part(one: _Waiting, stored: "Stored", first: int, stop: int, calls: int) -> "Answer":
    """One caller's rows, unless that call alone would have been refused."""
    columns = stored.found.columns
    if columns is not None:
        check = load(str(one.call.call.mode.together))
        check({name: column[first:stop] for name, column in columns.items()})
    return await one.call.shown(stored, first, stop, together=calls)


async def _settle(one: _Waiting, answering: Any) -> None:
    try:
        answer = await answering
    except Exception as error:  # the border of the task: it belongs to who waits
        _fail(one, error)
    else:
        if not one.answered.done():
            one.answered.set_result(answer)


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.answered.done():
        one.answered.set_exception(error)


def _form(payload: Payload) -> tuple[str, ...]:
    """What batches that are joined must have alike: the names and kinds of their columns."""
    return tuple(f"{name} {array.dtype.kind}" for name, array in payload.arrays.items())


def _payload(parts: list[Payload]) -> Payload:
    arrays = {name: np.concatenate([one.arrays[name] for one in parts]) for name in parts[0].arrays}
    return Payload(arrays=arrays, meta=parts[0].meta)


def _bodies(group: list[_Waiting]) -> Small:
    """The bodies, one a line: between JSON's tokens a line break is a blank."""
    bodies = [stored_bytes(one.call.body) for one in group]
    lines = [
        body.strip()
        if one.call.sent_as == NDJSON
        else body.replace(b"\r", b" ").replace(b"\n", b" ")
        for one, body in zip(group, bodies, strict=True)
    ]
    return Small.of(b"\n".join(lines) + b"\n")
