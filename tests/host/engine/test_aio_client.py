"""Promises of the asyncio client's connections, against a server that misbehaves on purpose."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from loupe.engine.aio_client import AsyncEngineClient
from loupe.engine.errors import DeadlineExceeded, EngineFault, EngineUnavailable

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Behaviour: TypeAlias = Callable[[Reader, Writer], Awaitable[None]]


def answer(number: int) -> bytes:
    """An answer that holds `number`."""
    body = b'[{"number": %d}]' % number
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def asked(reader: Reader) -> None:
    """Wait for one request of `index`, whose body is ``{}``."""
    await reader.readuntil(b"\r\n\r\n{}")


def against(
    folder: Path,
    behaviour: Behaviour,
    talk: Callable[[AsyncEngineClient], Coroutine[Any, Any, None]],
) -> None:
    """Let a client talk to a server that does `behaviour` on each connection."""

    async def run() -> None:
        server = await asyncio.start_unix_server(behaviour, str(folder / "engine.sock"))
        client = AsyncEngineClient(folder / "engine.sock", connections=1)
        async with asyncio.timeout(120):
            await talk(client)
        await client.close()
        server.close()

    asyncio.run(run())


def test_a_connection_that_died_while_idle_is_replaced_in_silence(tmp_path: Path) -> None:
    seen: list[int] = []

    async def once(reader: Reader, writer: Writer) -> None:
        await asked(reader)
        seen.append(len(seen))
        writer.write(answer(seen[-1]))
        await writer.drain()
        writer.close()

    async def talk(client: AsyncEngineClient) -> None:
        for number in range(3):
            assert await client.index() == [{"number": number}]

    against(tmp_path, once, talk)


def test_an_engine_that_goes_away_in_every_call_is_unavailable(tmp_path: Path) -> None:
    async def away(reader: Reader, writer: Writer) -> None:
        await asked(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        writer.close()

    async def talk(client: AsyncEngineClient) -> None:
        with pytest.raises(EngineUnavailable, match="went away during the call"):
            await client.index()

    against(tmp_path, away, talk)


def test_the_answer_to_a_call_given_up_reaches_nobody_else(tmp_path: Path) -> None:
    connections: list[int] = []

    async def late(reader: Reader, writer: Writer) -> None:
        connections.append(number := len(connections))
        if number == 0:
            await reader.readuntil(b"}")
            await asyncio.sleep(0.6)
        else:
            await asked(reader)
        writer.write(answer(number))

    async def talk(client: AsyncEngineClient) -> None:
        with pytest.raises(DeadlineExceeded):
            await client.render("a:b", tmp_path, deadline_ms=100)
        assert await client.index() == [{"number": 1}]
        await asyncio.sleep(0.5)

    against(tmp_path, late, talk)


def test_bytes_nobody_asked_for_end_their_connection(tmp_path: Path) -> None:
    connections: list[int] = []

    async def twice(reader: Reader, writer: Writer) -> None:
        connections.append(number := len(connections))
        await asked(reader)
        writer.write(answer(number))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(answer(99))

    async def talk(client: AsyncEngineClient) -> None:
        assert await client.index() == [{"number": 0}]
        await asyncio.sleep(0.3)
        assert await client.index() == [{"number": 1}]

    against(tmp_path, twice, talk)


def test_what_is_no_http_is_the_engines_fault(tmp_path: Path) -> None:
    async def babble(reader: Reader, writer: Writer) -> None:
        await asked(reader)
        writer.write(b"good day\r\n\r\n")

    async def talk(client: AsyncEngineClient) -> None:
        with pytest.raises(EngineFault, match="not HTTP"):
            await client.index()

    against(tmp_path, babble, talk)
