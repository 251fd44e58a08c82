"""Rows as they were read and a mapping become the columns of `events`, and a list of bad rows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from apps.fraud.events import ATTRIBUTE, ENTITY, FRAUD, HONEST, LARGEST_AMOUNT, UNKNOWN, fields
from apps.fraud.scheme import EntityType
from apps.fraud.tables import lookalikes
from apps.fraud.tables.amounts import read_amounts
from apps.fraud.tables.declared import Declared
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.problems import Problems
from apps.fraud.tables.raw import LONGEST_TEXT, Raw, Table, absent, shown_values
from apps.fraud.tables.repeats import Repeats, repeats
from apps.fraud.tables.since import read_counts
from apps.fraud.tables.time_column import TimeColumn
from apps.fraud.tables.times import read_times
from apps.fraud.tables.words import LONGEST_ID, LONGEST_IDENTIFIER, Words, distinct, read_words

LONGEST_CURRENCY = 12
_LARGEST = f"{LARGEST_AMOUNT:,} minor units"


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """The good rows as columns of `events.fields`, and what was wrong with the others.

    `lines` are those of the good rows, int64.
    """

    columns: dict[str, np.ndarray]
    lines: np.ndarray
    problems: Problems
    read: int

    def __len__(self) -> int:
        return len(self.lines)


@dataclass
class _Work:
    """One table on its way."""

    table: Table
    mapping: Mapping
    declared: Declared
    bad: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)

    def raw(self, name: str | None) -> Raw:
        found = self.table.columns.get(name) if name is not None else None
        return absent(len(self.table)) if found is None else found

    def flag(self, code: str, mask: np.ndarray, name: str, raw: Raw, allowed: str = "") -> None:
        """Keep rows out."""
        if mask.any():
            self.bad |= mask
            values = shown_values(raw)
            self.table.problems.add_rows(code, mask, self.table.lines, name, values, allowed)


def assemble(
    table: Table,
    mapping: Mapping,
    declared: Declared,
    *,
    heard_at: int,
    prefix: str = "",
    keep_repeats: bool = False,
) -> Assembled:
    """Map one range of rows.

    Args:
        heard_at: milliseconds: when the rows came in; `known_at` of all of them.
        prefix: of the identifiers of files without any, before the number of the line.
        keep_repeats: keep rows that say the same as an earlier one; else they count once.
    """
    work = _Work(table, mapping, declared, np.zeros(len(table), dtype=np.bool_))
    for name in dict.fromkeys(mapping.columns()):
        raw = table.columns.get(name)
        if raw is not None and raw.nested is not None:
            work.flag("nested_value", raw.nested, name, raw)
    _identify(work, prefix)
    times = _times(work, heard_at)
    _amounts(work, times)
    _entities(work)
    _labels(work, times)
    work.columns["known_at"] = np.full(len(table), heard_at, dtype=np.int64)
    _once(work, keep_repeats)
    columns = {name: work.columns[name] for name in fields(declared.scheme)}
    lines = table.lines
    if work.bad.any():
        kept = np.flatnonzero(~work.bad)
        columns = {name: column[kept] for name, column in columns.items()}
        lines = lines[kept]
    return Assembled(columns=columns, lines=lines, problems=table.problems, read=table.read)


def _words(work: _Work, name: str | None, longest: int = LONGEST_IDENTIFIER) -> Words:
    """A column of texts; rows that are too long or have control characters are bad."""
    raw = work.raw(name)
    words = read_words(raw, longest)
    if name is not None:
        work.flag("too_long", words.long, name, raw, str(longest))
        work.flag("control_character", words.control, name, raw)
    return words


def _identify(work: _Work, prefix: str) -> None:
    name = work.mapping.id
    if name is None:
        numbers = work.table.lines.astype(np.str_)
        work.columns["id"] = np.strings.add(f"{prefix}row-", numbers)
        return
    words = _words(work, name, LONGEST_ID)
    work.flag("id_missing", words.missing, name, work.raw(name))
    work.columns["id"] = words.values


def _times(work: _Work, heard_at: int) -> np.ndarray:
    column = work.mapping.time
    raw = work.raw(column.column)
    times = _moments(work, raw, column)
    work.flag("time_missing", raw.missing, column.column, raw)
    latest = heard_at + work.mapping.ahead * 1000
    earliest = work.mapping.earliest
    if column.counted:
        # The value is a count: what is said of it is not how a time would have to be written.
        later = ~work.bad & (times > latest)
        work.flag("count_ahead", later, column.column, raw, _moment(latest))
    outside = ~work.bad & ((times < earliest) | (times > latest))
    if outside.any():
        span = f"{_moment(earliest)} … {_moment(latest)}"
        work.flag("time_out_of_span", outside, column.column, raw, span)
    work.columns["event_time"] = times
    return times


def _moments(work: _Work, raw: Raw, column: TimeColumn) -> np.ndarray:
    if column.counted:
        times, wrong = read_counts(raw, column)
        for code, mask in wrong.items():
            work.flag(code, mask, column.column, raw, f"{column.largest:,}")
        return times
    times, bad = read_times(raw, column)
    work.flag("time_unreadable", bad, column.column, raw, column.format)
    return times


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _amounts(work: _Work, times: np.ndarray) -> None:
    mapping, rates = work.mapping, work.declared.rates
    target = work.declared.scheme.currency
    currency, codes, which = _currencies(work, target)
    digits = np.array([rates.digits_of(code) or 0 for code in codes], dtype=np.int64)
    by_row = digits[which]
    raw = work.raw(mapping.amount)
    minor_units = mapping.amount_unit == "minor"
    read = read_amounts(raw, mapping.decimal, np.zeros_like(by_row) if minor_units else by_row)
    for code, mask in read.bad.items():
        large = code == "amount_too_large"
        work.flag(code, mask, mapping.amount, raw, _LARGEST if large else mapping.decimal)
    if minor_units and raw.values.dtype.kind == "f":
        whole = np.isfinite(raw.values) & (raw.values != np.rint(raw.values)) & ~raw.missing
        work.flag("amount_not_whole", whole, mapping.amount, raw)
    converted = read.minor.copy()
    for index, code in enumerate(codes):
        rows = np.flatnonzero((which == index) & ~work.bad)
        if code == target or not len(rows):
            continue
        found, missing = rates.converted(read.minor[rows], code, times[rows], target)
        converted[rows] = found
        for why, mask in (("rate_missing", missing), ("amount_too_large", (found < 0) & ~missing)):
            full = np.zeros(len(work.table), dtype=np.bool_)
            full[rows[mask]] = True
            allowed = target if why == "rate_missing" else _LARGEST
            shown = Raw(currency, full) if why == "rate_missing" else raw
            column = mapping.currency if why == "rate_missing" else mapping.amount
            work.flag(why, full, column or mapping.amount, shown, allowed)
    work.columns["currency"] = currency
    work.columns["amount_original"] = read.minor
    work.columns["amount"] = converted


def _currencies(work: _Work, target: str) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The currency of each row, the distinct ones, and which of them each row has."""
    mapping, rates = work.mapping, work.declared.rates
    count = len(work.table)
    if mapping.currency is None:
        code = mapping.fixed_currency or target
        currency = np.full(count, code)
        unknown = np.full(count, rates.digits_of(code) is None)
        work.flag("currency_unknown", unknown, mapping.amount, Raw(currency, unknown))
        return currency, [code], np.zeros(count, dtype=np.int64)
    words = _words(work, mapping.currency, LONGEST_CURRENCY)
    values = np.where(words.missing, target, words.values)
    found, which = distinct(values)
    codes: list[str] = [code.upper() for code in found.tolist()]
    values = np.array(codes, dtype=np.str_)[which] if codes else values
    known = np.array([rates.digits_of(code) is not None for code in codes], dtype=np.bool_)
    raw = work.raw(mapping.currency)
    if len(codes):
        work.flag("currency_unknown", ~known[which], mapping.currency, raw)
    return values, codes, which


def _entities(work: _Work) -> None:
    scheme, mapping = work.declared.scheme, work.mapping
    texts: dict[str, np.ndarray] = {}
    for attribute in scheme.attributes:
        name = mapping.attributes.get(attribute.key)
        if attribute.kind == "number":
            work.columns[ATTRIBUTE + attribute.key] = _numbers(work, name)
        else:
            texts[attribute.key] = _words(work, name, LONGEST_TEXT).values
            work.columns[ATTRIBUTE + attribute.key] = texts[attribute.key]
    for entity in scheme.entities:
        if entity.built_from:
            work.columns[ENTITY + entity.key] = _fingerprint(work, entity, texts)
            continue
        name = mapping.entities.get(entity.key)
        words = _words(work, name)
        if name is not None:
            _tell_lookalikes(work, name, words.values)
        if entity.role == "payer":
            shown = name or entity.key
            work.flag("payer_missing", words.missing, shown, work.raw(name))
        values = words.values
        if entity.hashed and work.declared.hasher is not None:
            values = work.declared.hasher.hashed(entity.key, values)
        work.columns[ENTITY + entity.key] = values


def _fingerprint(work: _Work, entity: EntityType, texts: dict[str, np.ndarray]) -> np.ndarray:
    if work.declared.hasher is None:
        return np.full(len(work.table), "")
    parts = [
        texts[key] if key in texts else _printed(work.columns[ATTRIBUTE + key])
        for key in entity.built_from
    ]
    return work.declared.hasher.fingerprint(entity.key, parts)


def _printed(numbers: np.ndarray) -> np.ndarray:
    return np.array(["" if value != value else repr(value) for value in numbers.tolist()])


def _tell_lookalikes(work: _Work, name: str, words: np.ndarray) -> None:
    twins = lookalikes.found(words)
    if twins:
        mask = np.zeros(len(words), dtype=np.bool_)
        mask[list(twins)] = True
        work.table.problems.add_rows("lookalike", mask, work.table.lines, name, words, twins)


def _numbers(work: _Work, name: str | None) -> np.ndarray:
    """float64, NaN where nothing stands."""
    raw = work.raw(name)
    count = len(raw)
    if name is None or raw.values.dtype.kind == "M":
        return np.full(count, np.nan)
    if raw.values.dtype.kind != "U":
        found = np.where(raw.missing, np.nan, raw.values.astype(np.float64))
        work.flag("number_unreadable", ~raw.missing & ~np.isfinite(found), name, raw)
        return found
    found = np.full(count, np.nan)
    bad = np.zeros(count, dtype=np.bool_)
    for row in np.flatnonzero(~raw.missing).tolist():
        text = str(raw.values[row]).strip()
        try:
            found[row] = float(text.replace(",", ".") if work.mapping.decimal == "," else text)
        except ValueError:
            bad[row] = bool(text)
    work.flag("number_unreadable", bad | np.isinf(found), name, raw)
    return found


def _labels(work: _Work, times: np.ndarray) -> None:
    mapping = work.mapping
    count = len(work.table)
    labels = np.full(count, UNKNOWN, dtype=np.int64)
    known = np.full(count, -1, dtype=np.int64)
    if mapping.label is not None:
        raw = work.raw(mapping.label)
        labels, missing = _labelled(raw, mapping)
        unknown = ~missing & (labels == UNKNOWN)
        allowed = ", ".join((*mapping.fraud_words, *mapping.honest_words))
        work.flag("label_unknown", unknown, mapping.label, raw, allowed)
        later = times + work.declared.scheme.label_delay * 1000
        known = np.where(labels == UNKNOWN, -1, later)
        if mapping.label_time is not None:
            known = _label_times(work, mapping.label_time, labels, times, known)
    work.columns["label"] = labels
    work.columns["label_known_at"] = known


def _labelled(raw: Raw, mapping: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """int64 labels of a column, and where nothing stands."""
    values, which = distinct(raw.values)
    words = read_words(Raw(values, np.zeros(len(values), dtype=np.bool_)))
    meanings = {
        **{word.lower(): FRAUD for word in mapping.fraud_words},
        **{word.lower(): HONEST for word in mapping.honest_words},
    }
    found = [meanings.get(word.lower(), UNKNOWN) for word in words.values.tolist()]
    missing = raw.missing | words.missing[which]
    labels = np.array(found, dtype=np.int64)[which]
    return np.where(missing, UNKNOWN, labels), missing


def _label_times(
    work: _Work, column: TimeColumn, labels: np.ndarray, times: np.ndarray, later: np.ndarray
) -> np.ndarray:
    raw = work.raw(column.column)
    told = _moments(work, raw, column)
    given = ~raw.missing & (labels != UNKNOWN)
    early = given & ~work.bad & (told < times)
    work.flag("label_before_transaction", early, column.column, raw)
    found: np.ndarray = np.where(given, told, later)
    return found


def _once(work: _Work, keep_repeats: bool) -> None:
    """Rows of one identifier: what says the same counts once, what says otherwise is bad."""
    if work.mapping.id is None:
        return
    names = [name for name in work.columns if name != "known_at"]
    again: Repeats = repeats(work.columns["id"], [work.columns[name] for name in names], work.bad)
    lines = work.table.lines
    for code, found in (("duplicate_id", again.other), ("repeated_row", again.same)):
        if not found or (code == "repeated_row" and keep_repeats):
            continue
        mask = np.zeros(len(work.table), dtype=np.bool_)
        mask[list(found)] = True
        work.bad |= mask
        told = {row: str(int(lines[first])) for row, first in found.items()}
        work.table.problems.add_rows(code, mask, lines, work.mapping.id, work.columns["id"], told)
