"""What requests say alike is journalled once: the context of a project, by its hash.

A request is journalled with the hash of its context in place of it. The context itself stands in
the same journal, in a record of its own before the first request that needs it; such records have
an id that no request can have, and no number.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine.errors import RequestRefused
from loupe.engine.journal import Record

KEY = "context"
"""The entry of `meta` that is journalled apart."""
_ID = "\0context:"
_REFERENCE = "\0context"
_SMALL = 128
"""Bytes of JSON; a smaller context stays where it is."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """A context as JSON, and its hash."""

    sha256: str
    body: bytes

    @property
    def record(self) -> tuple[int, str, bytes]:
        """What is written into the journal."""
        return 0, _ID + self.sha256, self.body


def taken_out(payload: Payload) -> tuple[Payload, Context | None]:
    """The payload with its context named by its hash, and the context; None: it stays within.

    Raises:
        RequestRefused: it names one by its hash already.
    """
    if _REFERENCE in payload.meta:
        raise RequestRefused(f"meta has an entry {_REFERENCE!r}, which is the engine's own.")
    said = payload.meta.get(KEY)
    if said is None:
        return payload, None
    body = msgspec.json.encode(said)
    if len(body) < _SMALL:
        return payload, None
    sha256 = hashlib.sha256(body).hexdigest()
    rest: dict[str, JsonValue] = {k: value for k, value in payload.meta.items() if k != KEY}
    named = Payload(arrays=payload.arrays, meta={**rest, _REFERENCE: sha256})
    return named, Context(sha256=sha256, body=body)


class Contexts:
    """Those of the journal that is read or written at the moment."""

    def __init__(self) -> None:
        self._known: dict[str, JsonValue] = {}

    def begin(self) -> None:
        """Another journal is at hand; it holds none yet."""
        self._known.clear()

    def read(self, record: Record) -> bool:
        """Take in a record of the journal; whether it was a context."""
        if not record.request_id.startswith(_ID):
            return False
        self._known[record.request_id.removeprefix(_ID)] = msgspec.json.decode(record.body)
        return True

    def put_back(self, payload: Payload) -> Payload:
        """A request as it was before its context was taken out.

        Raises:
            KeyError: the journal lacks that context.
        """
        sha256 = payload.meta.get(_REFERENCE)
        if sha256 is None:
            return payload
        rest = {key: value for key, value in payload.meta.items() if key != _REFERENCE}
        return Payload(arrays=payload.arrays, meta={**rest, KEY: self._known[str(sha256)]})

    def missing(self, wanted: Sequence[Context | None]) -> list[Context]:
        """Those that are not in the journal yet, each once."""
        found = {one.sha256: one for one in wanted if one is not None}
        return [one for sha256, one in found.items() if sha256 not in self._known]

    def written(self, contexts: Sequence[Context]) -> None:
        """The journal holds them from now on."""
        self._known |= {one.sha256: None for one in contexts}
