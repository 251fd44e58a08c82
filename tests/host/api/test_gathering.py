"""Which calls may share a batch, and what becomes of each in it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from loupe.api.sync import gathering
from loupe.api.sync.gathering import Gathering, fits
from loupe.blobs.small import Small
from loupe.contract.reading import ARROW, JSON, EachRow
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused, TemporarilyUnavailable
from loupe.contract.runtime.payload import Payload

ROW = b'{"id": "1"}'


class Call:
    """A call whose batches are worked on when `gate` opens, and are noted in `worked`."""

    gate: asyncio.Event
    worked: list[list[bytes]]
    trouble: Exception | None = None

    def __init__(
        self, call: Any, body: Small, sent_as: str, arrow: bool, backstage: Any, started: float
    ) -> None:
        self.call, self.body, self.sent_as, self.arrow = call, body, sent_as, arrow
        self.backstage, self.started, self.clock = backstage, started, StageClock()
        self.handed_over = False

    def batch(self, payload: Payload, count: int, said: Any) -> int:
        return count

    async def applied(self, batch: int) -> Any:
        self.worked.append(self.body.data.split(b"\n"))
        await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        return SimpleNamespace(found=SimpleNamespace(columns=None))

    async def shown(self, stored: Any, first: int, stop: int, *, together: int) -> Any:
        return f"{self.body.data.decode()} at {first} of {together}"

    async def answered_alone(self, said: Any) -> Any:
        if b"bad" in self.body.data:
            raise InputRefused("It is bad.", code="bad")
        await self.applied(1)
        return f"{self.body.data.decode()} alone"


def call(body: bytes = ROW, **other: Any) -> Any:
    asked: dict[str, Any] = {
        "app": SimpleNamespace(slug="a"), "project": SimpleNamespace(pk=1), "model": None,
        "actor": SimpleNamespace(label="key"), "policy": "", "deadline_ms": 1, "name": "n",
        "key": None, "facts": {},
        "mode": SimpleNamespace(together="a:check", read_each="a:read"),
    }  # fmt: skip
    sent_as = other.pop("sent_as", JSON)
    remembers = other.pop("remembers", True)
    asked |= other
    backstage = SimpleNamespace(remembers=remembers)
    return Call(SimpleNamespace(**asked), Small.of(body), sent_as, False, backstage, 0.0)


def read(body: bytes, media_type: str, context: Any) -> EachRow:
    lines = body.split(b"\n")
    bad = {n: ("bad", "It is bad.") for n, line in enumerate(lines) if b"bad" in line}
    return EachRow(
        payload=Payload(), rows=[n for n in range(len(lines)) if n not in bad], refused=bad
    )


@pytest.fixture(autouse=True)
def app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "load", lambda name: read)
    Call.worked, Call.trouble = [], None


def answers(calls: list[Any]) -> list[Any]:
    async def run() -> list[Any]:
        Call.gate = asyncio.Event()
        meeting = Gathering()
        waiting = [asyncio.ensure_future(meeting.answer(one, {})) for one in calls]
        for _ in range(5):
            await asyncio.sleep(0)
        Call.gate.set()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert not meeting._kinds
        return found

    return asyncio.run(run())


@pytest.mark.parametrize(
    "other",
    [
        {"key": "k"}, {"facts": {"lot": "7"}}, {"sent_as": ARROW}, {"remembers": False},
        {"body": b"[]"}, {"body": b'{"id": 1}\n{"id": 2}'},
        {"body": b'{"id": "%s"}' % (b"x" * 2**15)},
        {"mode": SimpleNamespace(together=None, read_each="a:read")},
    ],
)  # fmt: skip
def test_what_is_not_one_plain_row_stays_alone(other: dict[str, Any]) -> None:
    assert fits(call())
    assert not fits(call(**other))


def test_a_lone_call_waits_for_nobody() -> None:
    assert answers([call()]) == ['{"id": "1"} alone']


def test_calls_that_come_while_others_are_under_way_share_the_next_batch() -> None:
    rows = [b'{"id": "%d"}' % n for n in range(9)]
    found = answers([call(row) for row in rows])
    # All of them came at once, before the first batch was taken.
    assert Call.worked == [rows]
    assert found == [f"{row.decode()} at {n} of 9" for n, row in enumerate(rows)]


def test_calls_of_other_kinds_do_not_meet() -> None:
    found = answers([call(), call(policy="fail_open"), call(name="m")])
    assert [one.endswith("alone") for one in found] == [True] * 3


def test_a_bad_row_is_refused_alone_and_in_its_own_words() -> None:
    found = answers([call(b'{"id": "1"}'), call(b'{"id": "bad"}'), call(b'{"id": "3"}')])
    assert isinstance(found[1], InputRefused)
    assert found[1].code == "bad"
    assert [found[0], found[2]] == ['{"id": "1"} at 0 of 2', '{"id": "3"} at 1 of 2']


def test_the_engines_trouble_is_told_to_everybody_who_waits() -> None:
    Call.trouble = TemporarilyUnavailable("It is away.", code="away")
    found = answers([call(), call()])
    assert [type(one) for one in found] == [TemporarilyUnavailable] * 2
