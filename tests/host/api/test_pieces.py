"""Streams are cut into pieces as their bytes arrive, however they are chopped."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loupe.api.errors import RequestRefused
from loupe.api.sync import pieces

Cut = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


def cut(how: Cut, data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """`data` in chunks of these sizes, again and again, and the pieces that come of it."""

    async def chunks() -> AsyncIterator[bytes]:
        at, turn = 0, 0
        while at < len(data):
            size = sizes[turn % len(sizes)]
            yield data[at : at + size]
            at, turn = at + size, turn + 1

    async def found() -> list[bytes]:
        return [piece async for piece in how(chunks())]

    return asyncio.run(found())


def streamed(batches: int, rows: int = 3, *, words: bool = False) -> tuple[bytes, list[pa.Table]]:
    tables = [
        pa.table(
            {
                "id": pa.array([f"{n}-{row}" for row in range(rows)]),
                "kind": pa.array(["a", "b", "a"][:rows]).dictionary_encode()
                if words
                else pa.array(["a", "b", "a"][:rows]),
            }
        )
        for n in range(batches)
    ]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue(), tables


sizes = st.lists(st.integers(1, 700), min_size=1, max_size=5)


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line)), sizes)
def test_every_line_comes_once_and_in_order(lines: list[bytes], chopped: list[int]) -> None:
    wanted = [line for line in lines if line.strip()]
    found = cut(lambda chunks: pieces.lines(chunks, 4), b"\n".join(lines), chopped)
    assert [line for piece in found for line in piece.split(b"\n")] == wanted
    assert all(piece.count(b"\n") < 4 for piece in found)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(RequestRefused, match="A line is longer than"):
        cut(pieces.lines, b"x" * (pieces.MOST_LINE + 70_000), [65_536])


@settings(deadline=None)  # the first batch loads what reads dictionaries
@given(st.integers(1, 4), st.booleans(), sizes)
def test_every_batch_of_arrow_is_a_stream_of_its_own(
    batches: int, words: bool, chopped: list[int]
) -> None:
    data, tables = streamed(batches, words=words)
    found = cut(pieces.batches, data, chopped)
    read = [pa.ipc.open_stream(piece).read_all().to_pylist() for piece in found]
    assert read == [table.to_pylist() for table in tables]


@given(st.binary(max_size=400), sizes)
def test_bytes_that_are_no_arrow_are_refused_in_a_sentence(junk: bytes, chopped: list[int]) -> None:
    data = b"\xff\xff\xff\xff\x10\0\0\0" + junk
    if len(data) < 8 + 16:
        data += bytes(24)
    with pytest.raises(RequestRefused, match="no Arrow IPC stream"):
        cut(pieces.batches, data, chopped)


def test_a_stream_that_is_cut_short_is_told_after_what_came_whole() -> None:
    data, _ = streamed(2)

    found: list[bytes] = []

    async def chunks() -> AsyncIterator[bytes]:
        yield data[:-40]

    async def read() -> None:
        async for piece in pieces.batches(chunks()):
            found.append(piece)

    with pytest.raises(RequestRefused, match="middle of a message"):
        asyncio.run(read())
    assert len(found) == 1


def test_a_batch_that_claims_to_be_huge_is_refused_before_it_comes() -> None:
    data, _ = streamed(1)
    claimed = data.replace((8 + 4).to_bytes(4, "little"), (2**30).to_bytes(4, "little"), 1)
    huge = b"\xff\xff\xff\xff" + (2**30).to_bytes(4, "little") + claimed
    with pytest.raises(RequestRefused, match="metadata would take"):
        cut(pieces.batches, huge, [1000])
