"""The rows of a synchronous call, read whole: JSON, JSON lines or an Arrow stream.

Fields are called as the scheme calls them: ``id``, ``time`` (ISO 8601, or milliseconds since 1970),
``amount`` (units of the currency) or ``amount_minor``, ``currency``, the keys of entities and
attributes, ``label`` and ``label_time``. One bad row refuses the batch, so that nothing is scored
by half. pyarrow is imported by the first Arrow stream and by nothing else.
"""

import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from apps.fraud.scheme import Scheme
from apps.fraud.tables import mapping as meaning
from apps.fraud.tables.assembling import Assembled, assemble
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.json_lines import column, why_not_json
from apps.fraud.tables.problems import WARNINGS
from apps.fraud.tables.raw import Raw, Table
from apps.fraud.tables.time_column import TimeColumn
from loupe.contract.reading import ARROW, JSON, NDJSON
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load

BODY_BYTES = 64 * 2**20
"""Of an Arrow stream, unpacked."""
LISTED = 20
AHEAD = 3_600
"""Seconds that a sender's clock may be ahead: what the live service tolerates."""
_FIXED = ("id", "time", "amount", "amount_minor", "currency", "label", "label_time")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`(?: - at `\$\[(?P<row>\d+)\])?")
_PLACE = re.compile(r"at `\$\[(?P<row>\d+)\]")
_OUT_OF_RANGE = re.compile(r"^Number out of range(?:.*\.(?P<field>\w+)`)?")
Columns = dict[str, Raw]


def read_rows(body: bytes, media_type: str, context: Mapping[str, JsonValue]) -> Payload:
    """The rows of a body as columns of `events`, `known_at` being now.

    Raises:
        InputRefused: it is no batch of rows, or a row is wrong; the message names row, field and
            value, and says what is allowed.
    """
    declared = Declared.of(dict(context))
    names = allowed(declared.scheme)
    if media_type == ARROW:
        read: Callable[[bytes, tuple[str, ...], int], Columns] = load(
            "apps.fraud.tables.arrow_batch:columns"
        )
        columns = read(body, names, BODY_BYTES)
    elif media_type in (JSON, NDJSON):
        columns = _objects(body, names, lines=media_type == NDJSON)
    else:
        raise InputRefused(
            f"Rows come as {JSON}, {NDJSON} or {ARROW}, not as {media_type[:100]}.",
            code="media_type",
        )
    count = len(next(iter(columns.values()))) if columns else 0
    if not count:
        raise InputRefused("There is not one row in the batch.", code="no_rows")
    table = Table(columns, np.arange(1, count + 1))
    table.problems.most = LISTED
    found = assemble(
        table,
        meaning_of(declared.scheme, columns),
        declared,
        heard_at=int(time.time() * 1000),
        keep_repeats=True,
    )
    if found.problems.bad:
        raise _refusal(found)
    meta: dict[str, JsonValue] = {"kind": "rows"}
    if found.problems.counts:
        meta["problems"] = found.problems.as_json()
    return Payload(arrays=found.columns, meta=meta)


@lru_cache(maxsize=64)
def allowed(scheme: Scheme) -> tuple[str, ...]:
    """The names of all fields that a row may have."""
    entities = (entity.key for entity in scheme.entities if not entity.built_from)
    return (*_FIXED, *entities, *(attribute.key for attribute in scheme.attributes))


def unknown_field(name: str, names: tuple[str, ...], where: str) -> InputRefused:
    """The refusal of a field that the scheme does not have."""
    return InputRefused(
        f"{where} has the field {name[:60]!r}, which is not known; allowed are {', '.join(names)}.",
        code="unknown_field",
    )


@lru_cache(maxsize=64)
def decoder(names: tuple[str, ...], lines: bool) -> msgspec.json.Decoder[Any]:
    """Reads one row, or an array of rows or one row, as structs with fields ``f0``, ``f1`` …"""
    fields = [(f"f{index}", Any, None) for index in range(len(names))]
    rename = {f"f{index}": name for index, name in enumerate(names)}
    row = msgspec.defstruct("Row", fields, rename=rename, gc=False, forbid_unknown_fields=True)
    return msgspec.json.Decoder(row if lines else list[row] | row)  # type: ignore[valid-type]


def _objects(body: bytes, names: tuple[str, ...], *, lines: bool) -> Columns:
    """The rows of JSON: an array of objects, one object, or an object a line."""
    reader = decoder(names, lines)
    try:
        found = reader.decode_lines(body) if lines else reader.decode(body)
    except msgspec.ValidationError as error:
        raise bad_object(str(error), names) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InputRefused(
            f"The body is not JSON as it should be: {why_not_json(body, error)}. Send "
            + ("one object a line." if lines else "an array of objects, one for each row."),
            code="parse_error",
        ) from error
    rows = found if isinstance(found, list) else [found]
    for number, row in enumerate(rows, 1):
        if timed_without_label(row, names):
            raise InputRefused(
                f"Row {number} says when its label was known, and has no label; send both or none.",
                code="label_missing",
            )
    return spread(rows, names)


def timed_without_label(row: Any, names: tuple[str, ...]) -> bool:
    """Whether a row that `decoder` read says when a label was known, and no label."""
    label, known = (getattr(row, f"f{names.index(name)}") for name in ("label", "label_time"))
    return label is None and known is not None


def spread(rows: list[Any], names: tuple[str, ...]) -> Columns:
    """The rows that `decoder` read as columns; those that no row has are left out."""
    columns: Columns = {}
    for index, name in enumerate(names):
        field = f"f{index}"
        values = [getattr(row, field) for row in rows]
        if name == "id" or any(value is not None for value in values):
            columns[name] = column(values)
    return columns


def bad_object(why: str, names: tuple[str, ...]) -> InputRefused:
    """The refusal of JSON that is no row."""
    unknown = _UNKNOWN.search(why)
    place = _PLACE.search(why)
    where = f"Row {int(place['row']) + 1}" if place else "A row"
    if unknown:
        return unknown_field(unknown["name"], names, where)
    if large := _OUT_OF_RANGE.search(why):
        return InputRefused(
            f"{where}, {large['field'] or 'a field'}: the number is beyond what 64 bits hold; send "
            "a finite one.",
            code="not_finite",
        )
    return InputRefused(
        f"{where} is no row: {why}. Send an object with some of {', '.join(names)}.",
        code="bad_row",
    )


def meaning_of(scheme: Scheme, columns: Columns) -> meaning.Mapping:
    """What the fields mean; only whether times are numbers, and amounts minor, may differ.

    Raises:
        InputRefused: amounts come in both units, or labels have a time and no word.
    """
    minor = "amount_minor" in columns
    if minor and "amount" in columns:
        raise InputRefused(
            "Rows have amount and amount_minor at once; send one of them in all rows.",
            code="amount_twice",
        )
    if "label_time" in columns and "label" not in columns:
        raise InputRefused(
            "label_time says when a label was known, and there is no label; send both or none.",
            code="label_missing",
        )
    numbers = {name for name in ("time", "label_time") if _is_number(columns.get(name))}
    return _of(scheme, frozenset(columns), frozenset(numbers), minor)


def _is_number(raw: Raw | None) -> bool:
    return raw is not None and raw.values.dtype.kind in "if"


@lru_cache(maxsize=256)
def _of(
    scheme: Scheme, names: frozenset[str], numbers: frozenset[str], minor: bool
) -> meaning.Mapping:
    direct = meaning.direct(scheme, names)
    changed: dict[str, object] = {"time": _column("time", numbers), "ahead": AHEAD}
    if minor:
        changed |= {"amount": "amount_minor", "amount_unit": "minor"}
    if direct.label_time is not None:
        changed["label_time"] = _column("label_time", numbers)
    return direct.model_copy(update=changed)


def _column(name: str, numbers: frozenset[str]) -> TimeColumn:
    return TimeColumn(column=name, format="epoch_ms" if name in numbers else "iso")


def _refusal(found: Assembled) -> InputRefused:
    """The first bad row, and how many there are beside it."""
    listed = [one for one in found.problems.listed if one.code not in WARNINGS]
    first = min(listed, key=lambda problem: problem.line)
    others = found.read - len(found) - 1
    more = f" {others} more {'rows are' if others > 1 else 'row is'} wrong." if others > 0 else ""
    where = f"Row {first.line}, {first.field} = '{first.value}'"
    return InputRefused(f"{where}: {first.reason.en}{more}", code=first.code)
