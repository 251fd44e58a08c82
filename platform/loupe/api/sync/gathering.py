"""Calls of one row that come at once are answered as one batch, each with its own row.

A call that comes while others of its kind are under way waits for the next batch: one question to
the engine, one block and one submission for all of them. A lone call goes at once and waits for
nobody, so under little load nothing changes, and under much each batch grows instead of the queue.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from loupe.api.sync.receiving import stored_bytes
from loupe.blobs.small import Small
from loupe.contract.reading import JSON, NDJSON, ReadEach
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import load

if TYPE_CHECKING:
    from loupe.api.sync.entries import Answer
    from loupe.api.sync.rows import RowsCall, Stored

MOST_BYTES = 16 * 2**10
MOST_CALLS = 64
UNDER_WAY = 1
"""Batches of one kind. A second one, with the engine while the first is written down, makes both
smaller and takes the processor from it: at 300 calls a second all waited longer."""


def fits(call: "RowsCall") -> bool:
    """Whether a call may share a batch: its app allows it, it is one object, and nothing but its
    row tells it from others."""
    asked = call.call
    return (
        asked.mode.together is not None
        and asked.mode.read_each is not None
        and call.backstage.remembers
        and asked.key is None
        and not asked.facts
        and call.sent_as in (JSON, NDJSON)
        and isinstance(call.body, Small)
        and call.body.size <= MOST_BYTES
        and _is_one_object(call.body.data)
    )


def _is_one_object(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{" and b"\n" not in body.strip()


@dataclass
class _Waiting:
    call: "RowsCall"
    context: dict[str, JsonValue]
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

    async def answer(self, call: "RowsCall", context: dict[str, JsonValue]) -> "Answer":
        """The answer to one call, perhaps as part of a batch.

        Raises:
            LoupeError: what the call alone would have raised.
        """
        asked = call.call
        name = (
            asked.app.slug, asked.project.pk, asked.actor.label, asked.model, asked.policy,
            asked.deadline_ms, asked.name,
        )  # fmt: skip
        kind = self._kinds.setdefault(name, _Kind())
        one = _Waiting(call, context, asyncio.get_running_loop().create_future())
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
    """The first of them, without those whose callers went away."""
    found: list[_Waiting] = []
    while waiting and len(found) < MOST_CALLS:
        one = waiting.popleft()
        if not one.answered.cancelled():
            found.append(one)
    return found


async def _answer_all(group: list[_Waiting]) -> None:
    """Answer every caller of a group; never raises."""
    if len(group) < 2:
        for one in group:
            await _settle(one, _alone(one))
        return
    lead = group[0]
    body = b"\n".join(stored_bytes(one.call.body).strip() for one in group)
    joined = type(lead.call)(
        lead.call.call, Small.of(body), NDJSON, False, lead.call.backstage, lead.call.started
    )
    read_each: ReadEach = load(str(lead.call.call.mode.read_each))
    try:
        with joined.clock.stage("decode"):
            each = read_each(body, NDJSON, lead.context)
        if each.count != len(group):
            raise InputRefused("An object takes more lines than one.", code="parse_error")
        stored = None
        if each.rows:
            batch = joined.batch(each.payload, len(each.rows), lead.context)
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
    places = {number: place for place, number in enumerate(each.rows)}
    for number, one in enumerate(group):
        place = places.get(number)
        if stored is None or place is None:
            await _settle(one, _alone(one))  # refused in its own words
        else:
            await _settle(one, _part(one, stored, place, len(each.rows)))


async def _alone(one: _Waiting) -> "Answer":
    return await one.call.answered_alone(one.context)


async def _part(one: _Waiting, stored: "Stored", place: int, calls: int) -> "Answer":
    """One caller's row, unless that call alone would have been refused."""
    columns = stored.found.columns
    if columns is not None:
        check = load(str(one.call.call.mode.together))
        check(_Row(columns, place))
    return await one.call.shown(stored, place, place + 1, together=calls)


class _Row(Mapping[str, np.ndarray]):
    """One row of columns; few of a hundred are looked at."""

    def __init__(self, columns: Columns, place: int) -> None:
        self._columns, self._rows = columns, slice(place, place + 1)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name][self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


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
