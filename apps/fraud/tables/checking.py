"""A whole file looked through before it is sent: every bad row counted, the first ones listed.

Runs in the sandbox, named by the pages of the mapping. Identifiers that come again in another range
are found by hashes of 64 bits that nobody outside can aim at: 16 bytes a row.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from apps.fraud.scheme import Scheme
from apps.fraud.tables import guessing, proposing, splitting
from apps.fraud.tables.assembling import Assembled
from apps.fraud.tables.choosing import Choice, chosen
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.formats import format_of
from apps.fraud.tables.layouts import hashed_rows
from apps.fraud.tables.parsing import read_range
from apps.fraud.tables.problems import Problem, Problems, shortened
from apps.fraud.tables.raw import matrix
from loupe.contract.runtime.payload import JsonValue

SECONDS = 40.0
"""A file that takes longer is looked at so far; the answer says how far."""
LISTED = 1_000
COMPARED = 2**24
"""Rows whose identifiers are compared with one another; the live service compares all of them."""
PREVIEWED = 5
NAMED = 20
"""Ranges that are read once more for the identifiers of listed rows."""
Json = dict[str, JsonValue]


def look(path: Path, options: Mapping[str, JsonValue]) -> Json:
    """What the columns of a file are taken for (`guessing.Guess.as_json`), and the scheme that its
    columns would propose, under ``scheme``.

    Raises:
        InputRefused: it cannot be read at all.
    """
    declared = Declared.of(options.get("context"))
    found = guessing.guess(path, declared.scheme).as_json()
    scheme: Scheme = proposing.propose(path, declared.scheme.currency, declared.scheme.timezone)
    return {**found, "scheme": scheme.model_dump(mode="json")}


def check(path: Path, options: Mapping[str, JsonValue]) -> Json:
    """Read a whole file as a job would, and keep nothing but what is wrong with it.

    Args:
        options: as of `parsing.parse`; ``listed`` and ``seconds`` may be set lower.

    Returns:
        ``rows``, ``good``, ``complete`` (whether the end was reached), ``problems`` (counts by code
        and those listed), ``preview`` (the first good rows).

    Raises:
        InputRefused: the file cannot be read, or no mapping fits it.
    """
    most = min(LISTED, int(str(options.get("listed", LISTED))))
    until = time.monotonic() + min(SECONDS, float(str(options.get("seconds", SECONDS))))
    form = format_of(path)
    choice = chosen(path, form, options)
    problems, seen = Problems(most=most), _Seen()
    preview: list[JsonValue] = []
    rows = good = 0
    complete = True
    for number, span in enumerate(_ranges(path, options)):
        if number and time.monotonic() > until:
            complete = False
            break
        found = read_range(path, form, choice, span, most)
        rows, good = rows + found.read, good + len(found)
        if len(preview) < PREVIEWED:
            preview += _previewed(found, PREVIEWED - len(preview))
        problems.merge(found.problems)
        if choice.mapping.id is not None:
            seen.add(found, span)
    again = seen.problems(choice, most)
    _name_identifiers(path, choice, again, seen)
    problems.merge(again)
    return {
        "format": form.value,
        "rows": rows,
        "good": good - sum(again.counts.values()),
        "complete": complete,
        "problems": problems.as_json(),
        "preview": preview,
    }


def checked(path: Path, options: Mapping[str, JsonValue]) -> bytes:
    """`check` as JSON in UTF-8, for callers that ask for bytes."""
    return msgspec.json.encode(check(path, options))


def _ranges(path: Path, options: Mapping[str, JsonValue]) -> Iterator[Json]:
    more: Json = {}
    while True:
        found = splitting.split(path, {**options, **more})
        more = {}
        for one in found:
            span = one.get(splitting.RANGE)
            if isinstance(span, dict):
                yield span
            else:
                more = one
        if not more:
            return


def _previewed(found: Assembled, most: int) -> list[JsonValue]:
    lists = {name: column[:most].tolist() for name, column in found.columns.items()}
    return [
        {name: _plain(values[row]) for name, values in lists.items()}
        for row in range(min(most, len(found)))
    ]


def _plain(value: float | str) -> JsonValue:
    return None if value != value else value


@dataclass
class _Seen:
    """Identifiers and bodies of the rows of earlier ranges, as hashes."""

    ids: list[np.ndarray] = field(default_factory=list)
    bodies: list[np.ndarray] = field(default_factory=list)
    lines: list[np.ndarray] = field(default_factory=list)
    spans: list[Json] = field(default_factory=list)
    count: int = 0

    def add(self, found: Assembled, span: Json) -> None:
        if not len(found) or self.count >= COMPARED:
            return
        self.count += len(found)
        self.ids.append(hashed_rows(matrix(found.columns["id"])))
        self.bodies.append(_bodies(found.columns))
        self.lines.append(found.lines)
        self.spans.append(span)

    def problems(self, choice: Choice, most: int) -> Problems:
        """Rows that come again in another range than their first."""
        problems = Problems(most=most)
        if not self.ids:
            return problems
        ids, bodies, lines = (
            np.concatenate(parts) for parts in (self.ids, self.bodies, self.lines)
        )
        order = np.argsort(ids, kind="stable")
        ordered = ids[order]
        begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        firsts = order[np.flatnonzero(begins)[np.cumsum(begins) - 1]]
        again = np.flatnonzero(~begins)
        rows, earlier = order[again], firsts[again]
        same = bodies[rows] == bodies[earlier]
        for code, mask in (("duplicate_id", ~same), ("repeated_row", same)):
            those = np.flatnonzero(mask)
            if len(those):
                problems.counts[code] = len(those)
            for at in those[np.argsort(rows[those])][: max(0, most - len(problems.listed))]:
                problems.listed.append(
                    Problem(
                        line=int(lines[rows[at]]),
                        field=choice.mapping.id or "",
                        value="",
                        code=code,
                        allowed=str(int(lines[earlier[at]])),
                    )
                )
        return problems


def _name_identifiers(path: Path, choice: Choice, again: Problems, seen: _Seen) -> None:
    """Read some of the ranges once more, for the identifiers that stand on the listed lines."""
    lines = np.array([problem.line for problem in again.listed], dtype=np.int64)
    starts = np.array([int(part[0]) for part in seen.lines], dtype=np.int64)
    which = np.searchsorted(starts, lines, side="right") - 1
    form = format_of(path)
    for number in np.unique(which)[:NAMED].tolist():
        found = read_range(path, form, choice, seen.spans[number], 0)
        ids = dict(zip(found.lines.tolist(), found.columns["id"].tolist(), strict=True))
        for at in np.flatnonzero(which == number).tolist():
            problem = again.listed[at]
            value = shortened(ids.get(problem.line, ""))
            again.listed[at] = replace(problem, value=value)


def _bodies(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """A hash of everything that a row says, but for when it was heard of."""
    total = np.zeros(len(columns["id"]), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for name, column in columns.items():
            if name == "known_at":
                continue
            if column.dtype.kind == "U":
                hashed = hashed_rows(matrix(column))
            else:
                plain = (
                    np.where(np.isnan(column), 0, column) if column.dtype.kind == "f" else column
                )
                hashed = hashed_rows(np.ascontiguousarray(plain).view(np.uint32).reshape(-1, 2))
            total = (total ^ hashed) * np.uint64(0x9E3779B97F4A7C15)
    return total
