"""The mapping that guessed columns make, with what only a person can say asked as questions."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from apps.fraud.scheme import Scheme
from apps.fraud.tables.delimited import Dialect
from apps.fraud.tables.elapsed import told_unit
from apps.fraud.tables.evidence import Evidence
from apps.fraud.tables.guesses import Question
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.names import tokens
from apps.fraud.tables.role_scores import Scored
from apps.fraud.tables.starts import UNIT_WORDS, Start
from apps.fraud.tables.time_column import UNITS, TimeFormat
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

_MINOR = frozenset({"minor", "cents", "cent", "pence", "pennies", "fen"})


@dataclass
class Sheet:
    """Columns with their evidence, and the questions on the way."""

    names: tuple[str, ...]
    seen: dict[str, Evidence]
    questions: list[Question] = field(default_factory=list)


def draft(
    sheet: Sheet, scheme: Scheme, taken: dict[str, Scored], dialect: Dialect, start: Start | None
) -> dict[str, JsonValue]:
    """Fields of `Mapping` as JSON, as far as they are known; questions go into the sheet.

    Args:
        start: when a count began, if somebody said so.

    Raises:
        InputRefused: a start was said, and no column counts from one.
    """
    if start is not None and not any(scored.counts for scored in taken.values()):
        if (time := taken.get("time")) is not None:
            raise InputRefused(
                f"A start of a count was given, and the times of {time.column!r} are written out: "
                "leave the start out.",
                code="start_unused",
            )
        raise InputRefused(
            "A start of a count was given, and no column counts time: leave the start out, or map "
            "the column.",
            code="start_unused",
        )
    named = {role: scored.column for role, scored in taken.items()}
    told: dict[str, JsonValue] = {
        **_times(sheet, scheme, taken, start),
        "entities": _those(named, "entity."),
        "attributes": _those(named, "attribute."),
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "header": dialect.header,
    }
    if (amount := named.get("amount")) is not None:
        told |= {
            "amount": amount,
            "amount_unit": _unit(sheet, amount),
            "decimal": _decimal(sheet, amount),
        }
    return told | {role: named[role] for role in ("id", "currency", "label") if role in named}


def finished(told: dict[str, JsonValue], scheme: Scheme) -> Mapping | None:
    """The mapping of a draft; None: time, its start, amount or payer is not known yet.

    Raises:
        InputRefused: the start does not exist in the time zone.
    """
    times = [one for one in (told.get("time"), told.get("label_time")) if isinstance(one, dict)]
    unsaid = any(one["format"] in UNITS and "start" not in one for one in times)
    if unsaid or "time" not in told or "amount" not in told:
        return None
    try:
        mapping = Mapping.model_validate(told)
    except ValidationError as error:
        raise InputRefused(error.errors()[0]["msg"], code="start_invalid") from error
    return None if mapping.misfits(scheme) else mapping


def _those(named: dict[str, str], start: str) -> dict[str, JsonValue]:
    return {
        role.removeprefix(start): name for role, name in named.items() if role.startswith(start)
    }


def _times(
    sheet: Sheet, scheme: Scheme, taken: dict[str, Scored], start: Start | None
) -> dict[str, JsonValue]:
    """``time`` and ``label_time``; a start that nobody said is asked for, once for both."""
    found: dict[str, JsonValue] = {}
    roles = ("time", "label_time") if "label" in taken else ("time",)
    unit = taken["time"].counts if "time" in taken else None
    if unit is not None and start is not None and start.unit is not None:
        unit = start.unit
    asked = False
    for role in roles:
        scored = taken.get(role)
        if scored is None:
            continue
        form = scored.counts
        told: dict[str, JsonValue] = {"column": scored.column, "timezone": scheme.timezone}
        if form is None:
            found[role] = {**told, "format": _format(sheet, role, scored.column)}
            continue
        form = unit if role == "time" or told_unit(scored.column) is None else form
        told["format"] = form
        found[role] = told
        if start is not None:
            told["start"] = start.moment.isoformat()
        elif not asked:
            asked = True
            sheet.questions.append(_since_when(role, scored, sheet.seen[scored.column]))
    return found


def _since_when(role: str, scored: Scored, seen: Evidence) -> Question:
    name, words = scored.column, UNIT_WORDS[scored.counts or "since_s"]
    least, most = (seen.elapsed.least, seen.elapsed.most) if seen.elapsed else (0, 0)
    return Question(
        code=f"{role}.start",
        column=name,
        en=f"{name!r} holds counts (from {least:,} to {most:,} in the first rows), no dates. They "
        f"look like {words.en} since a start that the file does not name. When was the count 0, "
        "and is the unit right?",
        zh=f"“{name}”中是计数（前若干行为 {least:,} 至 {most:,}），不是日期。看起来是自某个起点起的"
        f"{words.zh}数，但文件没有写明起点。计数何时为 0？单位是否正确？",
        choices=(),
    )


def _format(sheet: Sheet, role: str, name: str) -> TimeFormat:
    """The format of a column of times; asked where day and month cannot be told apart."""
    times = sheet.seen[name].times
    day, month = times.get("day_first", 0.0), times.get("month_first", 0.0)
    if day > 0.9 and month > 0.9:
        sheet.questions.append(
            Question(
                code=f"{role}.format",
                column=name,
                en=f"In {name!r}, does the day come first, or the month?",
                zh=f"在“{name}”中，日在前还是月在前？",
                choices=("day_first", "month_first"),
            )
        )
        return "day_first"
    return max(times, key=lambda form: times[form], default="iso")


def _decimal(sheet: Sheet, name: str) -> Literal[".", ","]:
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


def _unit(sheet: Sheet, name: str) -> Literal["major", "minor"]:
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
