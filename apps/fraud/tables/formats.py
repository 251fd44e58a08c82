"""Which format a file has, by its first bytes."""

from enum import StrEnum
from pathlib import Path

from loupe.contract.runtime.errors import InputRefused

HEAD = 4096
BOM = b"\xef\xbb\xbf"
TAKEN = "CSV, JSON lines, Parquet, and Arrow files and streams are taken"


class Format(StrEnum):
    """What `tables` reads."""

    CSV = "csv"
    LINES = "lines"
    PARQUET = "parquet"
    ARROW_FILE = "arrow_file"
    ARROW_STREAM = "arrow_stream"

    @property
    def textual(self) -> bool:
        """Whether bad rows are named by the line of the file."""
        return self in {Format.CSV, Format.LINES}


def format_of(path: Path) -> Format:
    """The format of a file.

    Raises:
        InputRefused: it is none of them.
    """
    with path.open("rb") as file:
        return format_of_head(file.read(HEAD))


def format_of_head(head: bytes) -> Format:
    """The format of what starts so."""
    if not head.strip():
        raise InputRefused(f"The file is empty; {TAKEN}.", code="empty_file")
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if head.startswith(b"ARROW1\0\0"):
        return Format.ARROW_FILE
    if head.startswith(b"\xff\xff\xff\xff"):
        return Format.ARROW_STREAM
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _interleaved(head):
        raise InputRefused(
            "The file is written in UTF-16. Save it as CSV in UTF-8 and send it again.",
            code="encoding_refused",
        )
    if head.startswith((b"%PDF", b"\xff\xd8\xff", b"\x89PNG", b"PK\x03\x04", b"\x1f\x8b")) or (
        head.count(0) > len(head) // 8
    ):
        raise InputRefused(f"The content is no table; {TAKEN}.", code="format_unknown")
    start = head.removeprefix(BOM).lstrip()
    if start.startswith(b"["):
        raise InputRefused(
            "The file is one JSON array. Write one object a line (JSON lines) and send it again.",
            code="format_unknown",
        )
    return Format.LINES if start.startswith(b"{") else Format.CSV


def _interleaved(head: bytes) -> bool:
    """Whether every second byte is NUL, as in UTF-16 without a mark."""
    half = len(head) // 2
    return half > 8 and (head[1::2].count(0) > half * 0.8 or head[::2].count(0) > half * 0.8)
