"""Reading the body of a batch of rows: one by one by the app's schema, or whole by its own code."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from loupe.api.errors import RequestRefused
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.api.sync.receiving import stored_bytes
from loupe.blobs.small import Small
from loupe.blobs.writing import Written
from loupe.contract.reading import ARROW, NDJSON, ReadRows
from loupe.contract.runtime.columns import from_rows, row_count
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load

AT_ONCE_BYTES = 64 * 2**10
"""Larger bodies are read in a thread, so that other calls go on meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The request of a live service, and how many rows it is about."""

    payload: Payload
    count: int


async def read(
    call: Asked,
    body: Written | Small,
    sent_as: str,
    context: dict[str, JsonValue],
    backstage: Backstage,
) -> Batch:
    """The rows of a body.

    Raises:
        RequestRefused: they cannot be read, are none, or too many.
        InputRefused: the app's own code refuses them.
        pydantic.ValidationError: some are not what the schema asks for.
    """
    if body.size > AT_ONCE_BYTES:
        return await backstage.do(_read, call, body, sent_as, context)
    return _read(call, body, sent_as, context)


def _read(call: Asked, body: Written | Small, sent_as: str, context: dict[str, JsonValue]) -> Batch:
    raw = stored_bytes(body)
    mode = call.mode
    if mode.read_rows is not None:
        read_rows: ReadRows = load(mode.read_rows)
        payload = read_rows(raw, sent_as, context)
        count = row_count(payload.arrays)
    else:
        rows = _checked(raw, sent_as, str(mode.row_schema))
        count = len(rows)
        payload = Payload(arrays=from_rows(rows, load(str(mode.row_schema))))
    if not count:
        raise RequestRefused("The batch is empty: send at least one row.", code="body_empty")
    if count > mode.max_rows:
        raise RequestRefused(
            f"{count:,} rows came; {call.app.name} takes at most {mode.max_rows:,} in one call.",
            code="too_many_rows",
        )
    return Batch(payload=payload, count=count)


def _checked(raw: bytes, sent_as: str, row_schema: str) -> list[BaseModel]:
    adapter = _adapter(row_schema)
    if sent_as == ARROW:
        # pyarrow is loaded by the first Arrow batch, and by nothing else.
        return adapter.validate_python(load("loupe.api.sync.arrow:rows_of")(raw))
    if sent_as == NDJSON:
        return adapter.validate_json(b"[" + b",".join(raw.split(b"\n")).strip(b",") + b"]")
    return adapter.validate_json(raw)


@cache
def _adapter(row_schema: str) -> "TypeAdapter[list[BaseModel]]":
    schema: Any = load(row_schema)
    return TypeAdapter(list[schema])
