"""Reading batches of rows of synchronous calls, whole rather than one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from loupe.contract.runtime.payload import JsonValue, Payload

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
ROW_MEDIA_TYPES = (JSON, NDJSON, ARROW)
"""How rows may come: an array of objects, an object a line, an Arrow IPC stream."""


class ReadRows(Protocol):
    """Turns the body of a synchronous call into the service's request, in the web process.

    The body is never larger than the call's limit. SHALL be a function of its arguments and of the
    clock (``time.time``: when the rows came in), SHALL refuse what it does not understand rather
    than fail, and SHALL import no numerical framework; a library that reads Arrow is imported by
    the first Arrow batch.
    """

    def __call__(self, body: bytes, media_type: str, context: Mapping[str, JsonValue]) -> Payload:
        """One array per column, all of one length: the rows.

        Args:
            media_type: one of `ROW_MEDIA_TYPES`.
            context: what the app's `context` says of the project; empty where it has none.

        Raises:
            InputRefused: the body is no batch of rows, or some are wrong; the message names the
                row, the field and the reason.
        """


@dataclass(frozen=True, kw_only=True)
class EachRow:
    """A piece of a stream, bad rows apart.

    Attributes:
        payload: the good rows; without arrays where there is none.
        rows: their numbers in the piece, from 0, in order.
        refused: code and sentence of every other row, by its number.
    """

    payload: Payload
    rows: Sequence[int]
    refused: Mapping[int, tuple[str, str]]

    @property
    def count(self) -> int:
        """All rows of the piece."""
        return len(self.rows) + len(self.refused)


class ReadEach(Protocol):
    """As `ReadRows`, for streams: a bad row keeps out itself and nobody else."""

    def __call__(self, body: bytes, media_type: str, context: Mapping[str, JsonValue]) -> EachRow:
        """The rows of one piece: lines of JSON, or an Arrow IPC stream of one batch.

        Raises:
            InputRefused: nothing of the piece can be read.
        """
