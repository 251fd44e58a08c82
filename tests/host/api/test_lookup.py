"""What a project declares is asked for behind the calls that use it, not by each of them."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from loupe.api.sync.lookup import context_of
from loupe.jobs import context


class Declaration:
    """An app's context: counts how often it is asked for, and answers when `gate` is open."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, project: Any, facts: Any) -> dict[str, int]:
        self.asked += 1
        number = self.asked
        assert self.gate.wait(90)
        if self.broken:
            raise ZeroDivisionError
        return {"number": number}


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Declaration]:
    told = Declaration()
    monkeypatch.setattr(context, "load", lambda name: told)
    context.forget()
    yield told
    context.forget()


@pytest.fixture
def call() -> Any:
    app = SimpleNamespace(slug="a", context="a:context")
    return SimpleNamespace(app=app, project=SimpleNamespace(pk=uuid4()), facts={})


class Backstage:
    """Threads, as the short way has them."""

    remembers = True

    async def do(self, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(work, *args)


def aged(monkeypatch: pytest.MonkeyPatch, *, ageing: float, fresh: float) -> None:
    monkeypatch.setattr(context, "AGEING_S", ageing)
    monkeypatch.setattr(context, "FRESH_S", fresh)


async def settled(declared: Declaration, asked: int) -> None:
    while declared.asked < asked:
        await asyncio.sleep(0)


def test_a_fresh_one_is_not_asked_for_again(
    declared: Declaration, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(monkeypatch, ageing=1800.0, fresh=3600.0)

    async def run() -> None:
        for _ in range(5):
            assert await context_of(call, Backstage()) == {"number": 1}  # type: ignore[arg-type]

    asyncio.run(run())
    assert declared.asked == 1


def test_an_ageing_one_is_used_at_once_and_asked_for_once_behind_all_calls(
    declared: Declaration, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        backstage: Any = Backstage()
        await context_of(call, backstage)
        aged(monkeypatch, ageing=0.0, fresh=3600.0)
        declared.gate.clear()
        for _ in range(5):
            assert await context_of(call, backstage) == {"number": 1}
        await settled(declared, 2)
        aged(monkeypatch, ageing=1800.0, fresh=3600.0)
        declared.gate.set()
        while await context_of(call, backstage) != {"number": 2}:
            await asyncio.sleep(0.001)

    asyncio.run(run())
    assert declared.asked == 2


def test_one_that_is_too_old_is_waited_for(
    declared: Declaration, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        backstage: Any = Backstage()
        await context_of(call, backstage)
        aged(monkeypatch, ageing=0.0, fresh=0.0)
        assert await context_of(call, backstage) == {"number": 2}

    asyncio.run(run())


def test_one_that_cannot_be_had_anew_is_used_until_it_is_too_old(
    declared: Declaration, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        backstage: Any = Backstage()
        await context_of(call, backstage)
        aged(monkeypatch, ageing=0.0, fresh=3600.0)
        declared.broken = True
        assert await context_of(call, backstage) == {"number": 1}
        await settled(declared, 2)
        assert await context_of(call, backstage) == {"number": 1}
        aged(monkeypatch, ageing=0.0, fresh=0.0)
        with pytest.raises(ZeroDivisionError):
            await context_of(call, backstage)

    asyncio.run(run())
