"""A stream's bytes as they arrive, cut into pieces of rows: whole lines, or batches of Arrow.

Nothing is read ahead: a piece is cut when its last byte is there, so memory is that of one piece.
"""

import struct
from collections.abc import AsyncIterator

from loupe.api.errors import RequestRefused

MOST_ROWS = 1_000
MOST_LINE = 2**20
MOST_MESSAGE = 16 * 2**20
"""Of one message of Arrow: its metadata and its body."""
_CONTINUATION = b"\xff\xff\xff\xff"
_END = _CONTINUATION + b"\0\0\0\0"
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_MOST_KEPT = 16 * 2**20
"""Of the schema and dictionaries, which go before every batch."""


async def lines(chunks: AsyncIterator[bytes], most_rows: int = MOST_ROWS) -> AsyncIterator[bytes]:
    """Pieces of whole lines: those that have come so far, at most `most_rows` together.

    Raises:
        RequestRefused: a line is longer than `MOST_LINE` bytes.
    """
    rest = b""
    async for chunk in chunks:
        whole, broken, rest = (rest + chunk).rpartition(b"\n")
        found = [line for line in whole.split(b"\n") if line.strip()] if broken else []
        for start in range(0, len(found), most_rows):
            yield b"\n".join(found[start : start + most_rows])
        if len(rest) > MOST_LINE:
            raise RequestRefused(
                f"A line is longer than {MOST_LINE:,} bytes: send one row a line.",
                code="too_large",
            )
    if rest.strip():
        yield rest


async def batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Each record batch as a stream of its own, behind the schema and dictionaries before it.

    Raises:
        RequestRefused: the bytes are no Arrow IPC stream, or a message is too large.
    """
    schema, dictionaries = b"", b""
    async for kind, message in _messages(chunks):
        if kind == _SCHEMA:
            schema, dictionaries = message, b""
        elif not schema:
            raise _broken("a batch comes before the schema")
        elif kind == _DICTIONARY:
            dictionaries += message
            if len(dictionaries) > _MOST_KEPT:
                raise _broken(f"its dictionaries take more than {_MOST_KEPT:,} bytes")
        elif kind == _BATCH:
            yield schema + dictionaries + message + _END
        else:
            raise _broken(f"a message is of kind {kind}")


async def _messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Kind and bytes of each encapsulated message, as Arrow's columnar format describes them."""
    held = bytearray()
    ended = False
    async for chunk in chunks:
        held += chunk
        while not ended and len(held) >= 8:
            if held[:4] != _CONTINUATION:
                raise _broken("a message does not begin with 0xFFFFFFFF")
            (metadata,) = struct.unpack_from("<i", held, 4)
            if metadata == 0:
                ended = True
                break
            if not 8 <= metadata <= MOST_MESSAGE:
                raise _broken(f"a message's metadata would take {metadata:,} bytes")
            if len(held) < 8 + metadata:
                break
            kind, body = _header(bytes(held[8 : 8 + metadata]))
            if not 0 <= body <= MOST_MESSAGE:
                raise _broken(
                    f"a batch takes {body:,} bytes, at most {MOST_MESSAGE:,} are taken: send "
                    "fewer rows a batch"
                )
            size = 8 + metadata + body
            if len(held) < size:
                break
            yield kind, bytes(held[:size])
            del held[:size]
    if held and not ended:
        raise _broken("it ends in the middle of a message")


def _header(metadata: bytes) -> tuple[int, int]:
    """Kind and length of the body of the flatbuffer ``Message``: its fields 1 and 3.

    Raises:
        RequestRefused: an offset leads outside.
    """
    try:
        (root,) = struct.unpack_from("<I", metadata, 0)
        (back,) = struct.unpack_from("<i", metadata, root)
        table = root - back
        if table < 0:
            raise _broken("an offset leads outside")
        (size,) = struct.unpack_from("<H", metadata, table)
        at = [
            struct.unpack_from("<H", metadata, table + 4 + 2 * field)[0]
            if 4 + 2 * field < size
            else 0
            for field in (1, 3)
        ]
        kind = metadata[root + at[0]] if at[0] else 0
        body = struct.unpack_from("<q", metadata, root + at[1])[0] if at[1] else 0
    except (struct.error, IndexError) as error:
        raise _broken("an offset leads outside") from error
    return kind, body


def _broken(why: str) -> RequestRefused:
    return RequestRefused(f"The body is no Arrow IPC stream: {why}.", code="parse_error")
