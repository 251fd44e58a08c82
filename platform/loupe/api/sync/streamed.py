"""What a stream is answered with: a line for each row, or Arrow batches of one schema.

Lines are ``{"row", "data", "decision"}`` or ``{"row", "error": {"code", "detail"}}``, in the order
of the rows, and a last one, ``{"end": {"rows", "refused"}}``: without it the answer was cut short.
Arrow has the result's scalar fields, ``decision.*`` with the reasons as JSON, and ``error.code``
and ``error.detail``, which are empty as a rule; its end of stream says that it is whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from loupe.contract.app import DomainApp
from loupe.contract.reading import NDJSON, EachRow
from loupe.contract.runtime.columns import to_rows
from loupe.contract.runtime.steps import load

if TYPE_CHECKING:
    from loupe.api.sync.rows import Stored

Trouble = tuple[str, str]
"""A code and a sentence."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some rows of a stream and what became of them.

    Attributes:
        first: the number of its first row in the stream, from 0.
        trouble: why none of the good rows has an answer.
        broken: why the stream ends here.
    """

    first: int
    each: EachRow | None = None
    stored: "Stored | None" = None
    trouble: Trouble | None = None
    broken: Trouble | None = None

    @property
    def count(self) -> int:
        """How many rows it has."""
        return self.each.count if self.each is not None else 0

    def refused(self) -> dict[int, Trouble]:
        """Code and sentence by row, of those without an answer."""
        if self.each is None:
            return {}
        found = dict(self.each.refused)
        if self.trouble is not None:
            found |= dict.fromkeys(self.each.rows, self.trouble)
        return found


class StreamWriter(Protocol):
    """Writes the answer of one stream."""

    media_type: str

    def piece(self, piece: Piece) -> bytes:
        """The bytes of the next piece."""

    def end(self) -> bytes:
        """What ends the answer."""


def writer(app: type[DomainApp], left_out: Sequence[str], *, arrow: bool) -> StreamWriter:
    """A new answer in the form asked for."""
    if arrow:
        made: StreamWriter = load("loupe.api.sync.streamed_arrow:ArrowWriter")(app)
        return made
    return LinesWriter(app, left_out)


class LinesWriter:
    """JSON lines."""

    media_type = NDJSON

    def __init__(self, app: type[DomainApp], left_out: Sequence[str]) -> None:
        self._app, self._left_out = app, tuple(left_out)
        self._rows = self._refused = 0
        self._broken: Trouble | None = None

    def piece(self, piece: Piece) -> bytes:
        """A line for each row."""
        refused = piece.refused()
        shown: dict[int, dict[str, Any]] = {
            row: {"row": piece.first + row, "error": _error(trouble)}
            for row, trouble in refused.items()
        }
        if piece.stored is not None and piece.each is not None:
            for row, one in zip(piece.each.rows, self._decided(piece.stored), strict=True):
                shown[row] = {"row": piece.first + row, **one}
        self._rows += piece.count
        self._refused += len(refused)
        self._broken = piece.broken
        return _lines([shown[row] for row in sorted(shown)])

    def end(self) -> bytes:
        """The last line."""
        told: dict[str, Any] = {"rows": self._rows, "refused": self._refused}
        if self._broken is not None:
            told["error"] = _error(self._broken)
        return _lines([{"end": told}])

    def _decided(self, stored: "Stored") -> list[dict[str, Any]]:
        found = stored.found
        decided = found.decisions
        count = len(decided.outcome)
        starts = tuple(f"{name}." for name in self._left_out)
        data: list[dict[str, Any] | None] = [None] * count
        if found.columns is not None:
            kept = {name: it for name, it in found.columns.items() if not name.startswith(starts)}
            data = [
                {name: value for name, value in row.items() if name not in self._left_out}
                for row in to_rows(kept, self._app.result_schema)
            ]
        decisions = zip(
            decided.outcome.tolist(), decided.score.tolist(), decided.label.tolist(), strict=True
        )
        extra = {"fallback": stored.fallback} if stored.fallback else {}
        return [
            {
                "data": data[row],
                "decision": {
                    "outcome": outcome,
                    "score": score,
                    "label": label,
                    "reasons": found.reasons.get(str(row), []),
                    **extra,
                },
            }
            for row, (outcome, score, label) in enumerate(decisions)
        ]


def _error(trouble: Trouble) -> dict[str, str]:
    return {"code": trouble[0], "detail": trouble[1]}


def _lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return _encoder().encode_lines(rows)


@cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder()
