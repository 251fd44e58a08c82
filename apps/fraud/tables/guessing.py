"""Guesses what the columns of a file mean, says why, and asks what cannot be known.

A guess rests on the column's name and on a sample of its values. What only a person can tell is a
question, never a guess: whether 03/04 is in March or in April, whether 1250 is in cents.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from apps.fraud.scheme import EntityType, Scheme
from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.dialects import dialect_of
from apps.fraud.tables.evidence import Evidence, gathered
from apps.fraud.tables.formats import Format, format_of
from apps.fraud.tables.mapping import Mapping, TimeColumn, TimeFormat
from apps.fraud.tables.names import CONCEPTS, likeness, tokens
from apps.fraud.tables.sampling import sample
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text

TAKEN_FROM = 0.4
"""The least score of a guess."""
_CLOSE = 0.05
"""Two columns whose scores are nearer than this are asked about."""
_CALLED = 0.95
"""The name leaves nothing open: half of the values are enough, and the others are bad rows."""
_OWN_ID = frozenset({"tx", "trans", "txn", "transaction", "payment", "transaktions", "zahlungs"})
_MINOR = frozenset({"minor", "cents", "cent", "pence", "pennies", "fen"})


@dataclass(frozen=True, kw_only=True)
class ColumnGuess:
    """What one column is taken for: ``time``, ``amount``, ``entity.<key>`` …; empty: nothing."""

    column: str
    role: str
    confidence: float
    reason: Text
    samples: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "column": self.column,
            "role": self.role,
            "confidence": round(self.confidence, 2),
            "en": self.reason.en,
            "zh": self.reason.zh,
            "samples": list(self.samples),
        }


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is to say; `choices` are values of the mapping's field `code`."""

    code: str
    column: str
    en: str
    zh: str
    choices: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "code": self.code,
            "column": self.column,
            "en": self.en,
            "zh": self.zh,
            "choices": list(self.choices),
        }


@dataclass(frozen=True)
class Guess:
    """What was found out; `mapping` is None where time, amount or payer has no column."""

    format: Format
    columns: tuple[ColumnGuess, ...]
    questions: tuple[Question, ...]
    mapping: Mapping | None

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "format": self.format.value,
            "columns": [column.as_json() for column in self.columns],
            "questions": [question.as_json() for question in self.questions],
            "mapping": None if self.mapping is None else self.mapping.model_dump(mode="json"),
        }


@dataclass
class _Scored:
    score: float
    role: str
    column: str
    reason: Text


@dataclass
class _Sheet:
    """Columns with their evidence, and the questions on the way."""

    names: tuple[str, ...]
    seen: dict[str, Evidence]
    questions: list[Question] = field(default_factory=list)


def guess(path: Path, scheme: Scheme) -> Guess:
    """Look at a file.

    Raises:
        InputRefused: it cannot be read at all, or has no row.
    """
    form = format_of(path)
    dialect, certain = dialect_of(path) if form.textual else (Dialect(), True)
    names, table = sample(path, form, dialect)
    if not table.read:
        raise InputRefused("The file has no rows.", code="no_rows")
    sheet = _Sheet(names, {name: gathered(raw) for name, raw in table.columns.items()})
    if not certain:
        sheet.questions.append(
            Question(
                code="encoding",
                column="",
                en=f"The file is not written in UTF-8. Is it {dialect.encoding}?",
                zh=f"文件不是 UTF-8 编码。是 {dialect.encoding} 吗？",
                choices=("cp1252", "gb18030"),
            )
        )
    taken = _assigned(sheet, scheme)
    mapping = _mapping(sheet, scheme, taken, dialect)
    for need, role in (
        ("time", "time"), ("amount", "amount"), ("payer", f"entity.{scheme.payer.key}"),
    ):  # fmt: skip
        if role not in taken and not (need == "payer" and scheme.payer.built_from):
            sheet.questions.append(_which(need, role, names, scheme))
    return Guess(form, tuple(_told(sheet, taken)), tuple(sheet.questions), mapping)


def _told(sheet: _Sheet, taken: dict[str, _Scored]) -> Iterable[ColumnGuess]:
    by_column = {scored.column: scored for scored in taken.values()}
    nothing = Text(en="Neither its name nor its values tell.", zh="名称和值都无法判断。")
    for name in sheet.names:
        scored = by_column.get(name)
        seen = sheet.seen.get(name)
        yield ColumnGuess(
            column=name,
            role=scored.role if scored else "",
            confidence=min(1.0, scored.score) if scored else 0.0,
            reason=scored.reason if scored else nothing,
            samples=seen.samples if seen else (),
        )


def _assigned(sheet: _Sheet, scheme: Scheme) -> dict[str, _Scored]:
    """The best column for each role, the surest first; each column once."""
    scored = [
        one
        for name, seen in sheet.seen.items()
        for one in _scores(name, seen, scheme)
        if one.score >= TAKEN_FROM
    ]
    scored.sort(key=lambda one: (-one.score, sheet.names.index(one.column)))
    taken: dict[str, _Scored] = {}
    used: set[str] = set()
    for one in scored:
        if one.role not in taken and one.column not in used:
            taken[one.role] = one
            used.add(one.column)
    for role, best in taken.items():
        if role.startswith("attribute."):
            continue
        rivals = [
            one.column
            for one in scored
            if one.role == role and one.column not in used and best.score - one.score < _CLOSE
        ]
        if rivals and best.score < 0.9:
            sheet.questions.append(_which(role, role, (best.column, *rivals), scheme))
    return taken


_ROLES = {
    "time": Text(en="time", zh="时间"),
    "amount": Text(en="amount", zh="金额"),
    "payer": Text(en="payer", zh="付款方"),
    "id": Text(en="transaction's identifier", zh="交易标识符"),
    "currency": Text(en="currency", zh="货币"),
    "label": Text(en="label", zh="标签"),
    "label_time": Text(en="time of the label", zh="标签时间"),
}


def _which(what: str, role: str, columns: tuple[str, ...], scheme: Scheme) -> Question:
    named = {
        **_ROLES,
        **{f"entity.{entity.key}": Text(en=entity.en, zh=entity.zh) for entity in scheme.entities},
    }
    told = named.get(what, Text(en=what, zh=what))
    return Question(
        code=role,
        column="",
        en=f"Which column is the {told.en}?",
        zh=f"哪一列是{told.zh}？",
        choices=columns[:200],
    )


def _scores(name: str, seen: Evidence, scheme: Scheme) -> Iterable[_Scored]:
    """How well one column fits each role. A name is worth up to 0.7, values up to 0.4."""
    if _enough(seen.time, 0.9, _named(name, "time")) and not (
        seen.kind in {"whole", "number"} and _named(name, "time") < 0.5
    ):
        told = Text(en="Its values are times", zh="值是时间")
        later = _named(name, "label_time")
        yield _because("label_time", name, later, 0.2 if later else 0.0, told)
        early = _named(name, "time")
        yield _because("time", name, early if later < early or not later else 0.0, 0.4, told)
    liked = _named(name, "amount")
    if seen.kind in {"whole", "number"} or _enough(seen.number, 0.9, liked):
        told = Text(en="Its values are numbers", zh="值是数字")
        value = 0.3 if not seen.whole else 0.2
        if liked and seen.time < 0.9 and (seen.distinct_count > 2 or liked > 0.9):
            yield _because("amount", name, liked, value, told)
    liked = _named(name, "currency")
    if _enough(seen.currency, 0.95, liked):
        told = Text(en="Its values are codes of ISO 4217", zh="值是 ISO 4217 代码")
        yield _because("currency", name, liked, 0.45, told)
    if seen.label > 0.99 and seen.distinct_count <= 4 and (liked := _named(name, "label")):
        told = Text(en="It has the words of a label", zh="值是标签用词")
        yield _because("label", name, liked, 0.3, told)
    liked = _named(name, "id")
    own = liked if _OWN_ID & set(tokens(name)) or "交易" in name else 0.0
    if liked and _enough(seen.distinct, 0.98, own) and _enough(seen.filled, 0.98, own):
        told = Text(en="Every row has another value", zh="每行的值都不同")
        yield _because("id", name, liked, 0.3, told)
    for entity in scheme.entities:
        yield from _entity_scores(name, seen, entity)
    for attribute in scheme.attributes:
        phrases = (attribute.key.replace("_", " "), attribute.en, attribute.zh)
        concept = CONCEPTS.get(attribute.key, ())
        liked = likeness(name, (*phrases, *concept))
        value = 0.4 if attribute.key == "country" and seen.country > 0.95 else 0.05
        if liked:
            told = Text(en="Its values fit", zh="值相符")
            yield _because(f"attribute.{attribute.key}", name, liked, value, told)


def _enough(share: float, usual: float, liked: float) -> bool:
    """Whether so many values fit: most of them, or half where the name leaves nothing open."""
    return share > (0.5 if liked >= _CALLED else usual)


def _entity_scores(name: str, seen: Evidence, entity: EntityType) -> Iterable[_Scored]:
    if entity.built_from:
        return
    concepts = {"payer": ("customer",), "payee": ("payee",)}.get(entity.role, ())
    own = (entity.key.replace("_", " "), entity.en, entity.zh)
    liked = likeness(name, own)
    words = set(tokens(" ".join(own)))
    for concept in (*concepts, *(key for key in ("device", "card", "email", "phone"))):
        if concept in concepts or concept in words:
            liked = max(liked, 0.97 * likeness(name, CONCEPTS[concept]))
    told = Text(en="Its values come again in other rows", zh="值在其他行重复出现")
    value = 0.15 if seen.distinct < 0.98 and seen.distinct_count > 1 else 0.0
    if "ip" in words or entity.key in {"address", "ip"}:
        liked = max(liked, likeness(name, CONCEPTS["address"])) if seen.ip > 0.9 else 0.0
        told, value = Text(en="Its values are IP addresses", zh="值是 IP 地址"), 0.45 * seen.ip
        if seen.ip > 0.9:
            yield _because(f"entity.{entity.key}", name, liked, value, told)
        return
    if liked and seen.kind not in {"time", "truth"} and seen.label < 1 and not _fraction(seen):
        yield _because(f"entity.{entity.key}", name, liked, value, told)


def _fraction(seen: Evidence) -> bool:
    return seen.number > 0.9 and not seen.whole


def _named(name: str, concept: str) -> float:
    return likeness(name, CONCEPTS[concept])


def _because(role: str, name: str, liked: float, value: float, told: Text) -> _Scored:
    en = f"{told.en}; its name fits." if liked else f"{told.en}."
    zh = f"{told.zh}；名称相符。" if liked else f"{told.zh}。"
    return _Scored(0.7 * liked + value, role, name, Text(en=en, zh=zh))


def _mapping(
    sheet: _Sheet, scheme: Scheme, taken: dict[str, _Scored], dialect: Dialect
) -> Mapping | None:
    named = {role: scored.column for role, scored in taken.items()}
    time, amount = named.get("time"), named.get("amount")
    if time is None or amount is None:
        return None
    later = named.get("label_time") if "label" in named else None
    mapping = Mapping(
        time=_time(sheet, time, scheme),
        amount=amount,
        amount_unit=_unit(sheet, amount),
        decimal=_decimal(sheet, amount),
        id=named.get("id"),
        currency=named.get("currency"),
        entities=_those(named, "entity."),
        attributes=_those(named, "attribute."),
        label=named.get("label"),
        label_time=None if later is None else _time(sheet, later, scheme),
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        header=dialect.header,
    )
    return None if mapping.misfits(scheme) else mapping


def _those(named: dict[str, str], start: str) -> dict[str, str]:
    return {
        role.removeprefix(start): name for role, name in named.items() if role.startswith(start)
    }


def _time(sheet: _Sheet, name: str, scheme: Scheme) -> TimeColumn:
    """The format of a column of times; asked where day and month cannot be told apart."""
    times = sheet.seen[name].times
    day, month = times.get("day_first", 0.0), times.get("month_first", 0.0)
    forms: list[TimeFormat] = sorted(times, key=lambda form: -times[form])
    best: TimeFormat = forms[0] if forms else "iso"
    if day > 0.9 and month > 0.9:
        sheet.questions.append(
            Question(
                code="time.format" if name != "label_time" else "label_time.format",
                column=name,
                en=f"In {name!r}, does the day come first, or the month?",
                zh=f"在“{name}”中，日在前还是月在前？",
                choices=("day_first", "month_first"),
            )
        )
        best = "day_first"
    return TimeColumn(column=name, format=best, timezone=scheme.timezone)


def _decimal(sheet: _Sheet, name: str) -> Literal[".", ","]:
    comma = sheet.seen[name].comma
    if comma is None and sheet.seen[name].kind == "text":
        sheet.questions.append(
            Question(
                code="decimal",
                column=name,
                en=f"In {name!r}, is the comma a decimal sign (1,234 = 1.234)?",
                zh=f"在“{name}”中，逗号是小数点吗（1,234 = 1.234）？",
                choices=(".", ","),
            )
        )
    return "," if comma else "."


def _unit(sheet: _Sheet, name: str) -> Literal["major", "minor"]:
    """Major units where there are decimals, minor where the name says so; else it is asked."""
    seen = sheet.seen[name]
    if not seen.whole:
        return "major"
    if _MINOR & set(tokens(name)) or "分" in name:
        return "minor"
    sheet.questions.append(
        Question(
            code="amount_unit",
            column=name,
            en=f"The amounts of {name!r} are whole numbers. Are they cents, or whole units?",
            zh=f"“{name}”的金额都是整数。单位是分，还是元？",
            choices=("minor", "major"),
        )
    )
    return "major"
