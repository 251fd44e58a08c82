"""The mapping a file is read by: the saved one, else one that is plain from its columns."""

from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from apps.fraud.tables import arrow_ipc, delimited, guessing, json_lines, parquet
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.formats import Format
from apps.fraud.tables.guesses import Guess
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.since import require_past
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

KEYS_LINES = 1_000
"""Lines of JSON whose keys are looked at."""


@dataclass(frozen=True)
class Choice:
    """What the project declares, and the mapping that is used."""

    declared: Declared
    mapping: Mapping

    @property
    def dialect(self) -> delimited.Dialect:
        """How a CSV file is written."""
        mapping = self.mapping
        return delimited.Dialect(
            encoding=mapping.encoding, delimiter=mapping.delimiter, header=mapping.header
        )


def names_of(path: Path, form: Format, dialect: delimited.Dialect) -> tuple[str, ...]:
    """The columns of a file.

    Raises:
        InputRefused: it cannot be read.
    """
    match form:
        case Format.CSV:
            return delimited.header_of(path, dialect).names
        case Format.LINES:
            return json_lines.keys_of(path, KEYS_LINES)
        case Format.PARQUET:
            return parquet.names_of(parquet.opened(path))
        case Format.ARROW_FILE | Format.ARROW_STREAM:
            return tuple(arrow_ipc.schema_of(path, form).names)


def chosen(path: Path, form: Format, options: Mapped[str, JsonValue]) -> Choice:
    """The mapping for a file, and that its columns are there.

    Without a saved mapping the file is mapped by what `guessing` is sure of.

    Raises:
        InputRefused: a mapped column is missing, a count starts later than now, or nothing is
            saved and something is in doubt.
    """
    context = options.get("context")
    return _chosen(path, parquet.identity(path), form, msgspec.json.encode(context))


@lru_cache(maxsize=8)
def _chosen(path: Path, _: parquet.Identity, form: Format, context: bytes) -> Choice:
    """Ranges of one file come one after the other: it is looked at once."""
    declared = Declared.of(msgspec.json.decode(context))
    mapping = declared.mapping
    if mapping is None:
        guess = guessing.guess(path, declared.scheme, declared.start)
        mapping = guess.mapping
        if mapping is None or guess.questions:
            raise _unsaid(guess)
    for column in filter(None, (mapping.time, mapping.label_time)):
        require_past(column, mapping.ahead)
    choice = Choice(declared, mapping)
    names = names_of(path, form, choice.dialect)
    missing = [name for name in mapping.columns() if name not in set(names)]
    if missing and not (form is Format.LINES and not _needed(mapping) & set(missing)):
        shown = ", ".join(repr(name[:40]) for name in names[:20])
        raise InputRefused(
            f"The mapping names the column {missing[0]!r}, which the file does not have; it has "
            f"{shown}{' …' if len(names) > 20 else ''}.",
            code="column_missing",
        )
    return choice


def _unsaid(guess: Guess) -> InputRefused:
    """The refusal of a file that leaves something open: the first question."""
    asked = guess.questions[0].en if guess.questions else "its columns are not known."
    if guess.questions and guess.questions[0].code.endswith(".start"):
        return InputRefused(
            f"The project has no mapping, and the file leaves its start open: {asked} Open the "
            "mapping page, answer it and save; or send the fact start with the file, such as "
            "2026-01-01 or 'days since 2026-01-01' (predict --fact start=2026-01-01).",
            code="mapping_missing",
        )
    return InputRefused(
        f"The project has no mapping, and the file leaves something open: {asked} Open the "
        "mapping page, answer it and save.",
        code="mapping_missing",
    )


def _needed(mapping: Mapping) -> set[str]:
    """Columns without which no row is good; others may be left out of JSON objects."""
    return {name for name in (mapping.time.column, mapping.amount, mapping.id) if name}
