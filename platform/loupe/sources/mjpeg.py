"""The first whole picture of an MJPEG stream (``multipart/x-mixed-replace``)."""

from collections.abc import Iterator
from email.message import Message
from typing import Protocol

from django.utils.translation import gettext as _

from loupe.sources.errors import SourceFailed

_LINE = 4096
_LINES = 50
_PIECE = 2**16


class Stream(Protocol):
    """What is read of an answer."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; none at the end."""

    def readline(self, limit: int, /) -> bytes:
        """One line with its end, at most `limit` bytes of it."""


def boundary_of(content_type: str) -> str | None:
    """The boundary of an MJPEG stream; None: the answer is something else."""
    message = Message()
    message["content-type"] = content_type
    if message.get_content_type() != "multipart/x-mixed-replace":
        return None
    found = message.get_param("boundary")
    # Some cameras count the two dashes of the line to the boundary's name.
    return found.removeprefix("--") if isinstance(found, str) and found else ""


def first_part(stream: Stream, boundary: str) -> Iterator[bytes]:
    """The bytes of the first part that has any, in pieces.

    Raises:
        SourceFailed: the stream is no multipart stream, or ends before the part does.
    """
    opening = b"--" + boundary.encode()
    for _attempt in range(_LINES):
        line = stream.readline(_LINE)
        if not line:
            raise SourceFailed(_("The stream ended before a picture came."))
        if (boundary and line.strip().startswith(opening)) or (not boundary and line[:2] == b"--"):
            break
    else:
        raise SourceFailed(_("The answer says multipart, but its boundary never came."))
    length = _length(stream)
    if length is not None:
        yield from _counted(stream, length)
    else:
        yield from _up_to(stream, b"\r\n--" + boundary.encode())


def _length(stream: Stream) -> int | None:
    """The part's Content-Length, after reading its headers to the empty line."""
    found: int | None = None
    for _line in range(_LINES):
        line = stream.readline(_LINE)
        if not line.strip():
            return found
        name, _colon, value = line.decode("latin-1").partition(":")
        if name.strip().lower() == "content-length" and value.strip().isdigit():
            found = int(value.strip())
    raise SourceFailed(_("A part of the stream has headers without an end."))


def _counted(stream: Stream, length: int) -> Iterator[bytes]:
    left = length
    while left:
        piece = stream.read(min(left, _PIECE))
        if not piece:
            raise SourceFailed(_("The stream ended in the middle of a picture."))
        left -= len(piece)
        yield piece


def _up_to(stream: Stream, end: bytes) -> Iterator[bytes]:
    """Everything before `end`, which may lie across two pieces."""
    held = b""
    while piece := stream.read(_PIECE):
        held += piece
        place = held.find(end)
        if place >= 0:
            yield held[:place]
            return
        keep = len(end) - 1
        if len(held) > keep:
            yield held[:-keep]
            held = held[-keep:]
    raise SourceFailed(_("The stream ended in the middle of a picture."))
