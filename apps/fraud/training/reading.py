"""Files of transactions as one set of columns, for learning and measuring without any service."""

import hashlib
import json
from collections.abc import Mapping as Mapped
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from apps.fraud.scheme import Scheme
from apps.fraud.tables import guessing, proposing, splitting
from apps.fraud.tables.choosing import chosen
from apps.fraud.tables.formats import format_of
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.parsing import read_range
from apps.fraud.tables.starts import UNIT_WORDS, Start, said_twice
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

LISTED = 10
"""Bad rows of a file that are shown; all are counted."""
HASH_KEY = "00" * 16
"""Identifiers stay in this process; a model keeps none of them, so nothing is hidden by a key."""


@dataclass(frozen=True)
class Read:
    """The good rows of some files.

    Attributes:
        columns: as `apps.fraud.events.fields` names them.
        sha256: of the files' bytes, in order.
        refused: rows that could not be used.
        problems: the first of them, as sentences.
        starts: of times that are counted: which column of which file counts what since when.
    """

    scheme: Scheme
    columns: dict[str, np.ndarray]
    sha256: str
    refused: int
    problems: tuple[str, ...]
    starts: tuple[str, ...] = ()


def read(
    files: Sequence[Path],
    *,
    scheme: Scheme | None = None,
    mapping: Mapping | None = None,
    start: Start | None = None,
) -> Read:
    """Read files of one kind, one after the other.

    Args:
        files: CSV, JSON lines, Parquet or Arrow.
        scheme: None: proposed from the first file.
        mapping: None: guessed from each file's columns.
        start: when a column that counts time began; None: it is refused where a file has one.

    Raises:
        InputRefused: a file is missing or damaged, what its columns mean is in doubt, or not one
            row can be used.
    """
    for file in files:
        if not file.is_file():
            raise InputRefused(
                f"{file} is no file. Give CSV, JSON lines, Parquet or Arrow.", code="no_file"
            )
    if not files:
        raise InputRefused("No file was given.", code="no_file")
    if mapping is not None and start is not None:
        raise said_twice()
    about = scheme or proposing.propose(files[0])
    parts: list[dict[str, np.ndarray]] = []
    problems: list[str] = []
    digest, refused = hashlib.sha256(), 0
    starts: list[str] = []
    for file in files:
        meaning = mapping or _guessed(file, about, start)
        starts += _starts(file, meaning)
        context: dict[str, JsonValue] = {
            "scheme": about.model_dump(mode="json"),
            "mapping": meaning.model_dump(mode="json"),
            "hash_key": HASH_KEY,
        }
        for found, bad, said in _ranges(file, {"context": context}):
            parts.append(found)
            refused += bad
            problems += [f"{file.name}: {one}" for one in said[: LISTED - len(problems)]]
        with file.open("rb") as source:
            digest.update(hashlib.file_digest(source, "sha256").digest())
    if refused and not any(len(part["id"]) for part in parts):
        raise InputRefused(
            f"Not one of {refused:,} rows can be used. The first, {problems[0]}",
            code="no_good_rows",
        )
    names = parts[0] if parts else {}
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return Read(about, columns, digest.hexdigest(), refused, tuple(problems), tuple(starts))


def _ranges(
    file: Path, options: dict[str, JsonValue]
) -> list[tuple[dict[str, np.ndarray], int, list[str]]]:
    form = format_of(file)
    choice = chosen(file, form, options)
    found = []
    pending = [options]
    while pending:
        for each in splitting.split(file, pending.pop()):
            if splitting.MORE in each:
                pending.append({**options, **each})
                continue
            span = each[splitting.RANGE]
            place = span if isinstance(span, dict) else {}
            rows = read_range(file, form, choice, place, LISTED)
            said = [f"{one.where}: {one.reason.en}" for one in rows.problems.listed]
            found.append((rows.columns, rows.read - len(rows), said))
    return found


def _guessed(file: Path, scheme: Scheme, start: Start | None) -> Mapping:
    guess = guessing.guess(file, scheme, start)
    if guess.mapping is None or guess.questions:
        said = (
            "Say the start with --start 2026-01-01, or --start 'days since 2026-01-01' where the "
            "unit is another (--start any: where only differences of times count), or give"
        )
        raise InputRefused(
            f"What the columns of {file.name} mean is in doubt: {guess.asked} "
            f"{said if guess.needs_start else 'Give'} a mapping as JSON (--mapping FILE).",
            code="mapping_missing",
        )
    return guess.mapping


def _starts(file: Path, mapping: Mapping) -> list[str]:
    return [
        f"{file.name}: {column.column!r} counts {UNIT_WORDS[column.format].en} since "
        f"{column.zero:%Y-%m-%d %H:%M:%S} UTC"
        for column in (mapping.time, mapping.label_time)
        if column is not None and column.counted
    ]


def mapping_of(file: Path) -> Mapping:
    """A mapping that was saved as JSON.

    Raises:
        InputRefused: it is none.
    """
    return Mapping.model_validate(_json(file, "mapping", Mapping))


def scheme_of(file: Path) -> Scheme:
    """A scheme that was saved as JSON.

    Raises:
        InputRefused: it is none.
    """
    return Scheme.model_validate(_json(file, "scheme", Scheme))


def _json(file: Path, what: str, kind: type[Mapping] | type[Scheme]) -> Mapped[str, JsonValue]:
    try:
        told: Mapped[str, JsonValue] = json.loads(file.read_bytes())
        kind.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputRefused(
            f"The {what} {file} cannot be used: {place}: {first['msg'].rstrip('.')}.",
            code=f"{what}_invalid",
        ) from error
    except (OSError, ValueError) as error:
        raise InputRefused(
            f"The {what} {file} cannot be used: {str(error)[:300]}.", code=f"{what}_invalid"
        ) from error
    return told
