"""Sentences of the grammar read back to what they say: exact, for scoring."""

import re
from functools import cache
from typing import NamedTuple

from apps.report_gen.findings import KEYS, KINDS, FindingSet, Lobe, Side, side_of
from apps.report_gen.grammar.slots import Form, Section, Slot, slots_of
from apps.report_gen.grammar.words import Words
from apps.report_gen.grammar.writing import LANGUAGES, Sentence

LONGEST = 500
"""Characters of a sentence that is read."""


class _Rule(NamedTuple):
    form: Form
    pattern: re.Pattern[str]
    sort: str


@cache
def _rules(language: str) -> tuple[_Rule, ...]:
    words = LANGUAGES[language]
    made: list[_Rule] = []

    def add(form: Form, patterns: tuple[str, ...], sort: str = "") -> None:
        for pattern in patterns:
            parts = re.split(r"(\{\w+\})", pattern)
            text = "".join(
                _field(words, part[1:-1], sort) if part.startswith("{") else re.escape(part)
                for part in parts
            )
            made.append(_Rule(form, re.compile(text, re.IGNORECASE), sort))

    for sort, patterns in words.found.items():
        add(Form.FOUND, patterns, sort)
    for sort, patterns in words.summary.items():
        add(Form.SUMMARY, patterns, sort)
    for form, patterns in (
        (Form.POSSIBLE, words.possible), (Form.NONE_OF, words.none_of),
        (Form.ANSWER_YES, words.yes), (Form.ANSWER_NO, words.no),
        (Form.ANSWER_UNSURE, words.unsure), (Form.NOTHING, words.nothing),
    ):  # fmt: skip
        add(form, patterns)
    return tuple(made)


def _field(words: Words, field: str, sort: str) -> str:
    if field in ("name", "plural"):
        table = words.names if field == "name" else {k: (v,) for k, v in words.plural.items()}
        options = sorted(
            (name for names in table.values() for name in names), key=len, reverse=True
        )
        return f"(?P<{field}>{'|'.join(map(re.escape, options))})"
    if field == "size":
        return r"(?P<size>\d{1,3} mm|\d{1,2}\.\d cm)"
    if field == "count":
        return r"(?P<count>\d{1,3})"
    options = (
        [words.names[key][0] for key in KEYS] if field == "list"
        else [*words.lobes.values(), *words.sides.values()]
    )  # fmt: skip
    one = "|".join(sorted(map(re.escape, options), key=len, reverse=True))
    joins = "|".join(re.escape(join) for join in words.joins)
    return f"(?P<{field}>(?:{one})(?:(?:{joins})(?:{one}))*)"


def read(text: str, language: str, section: Section | None = None) -> list[Slot]:
    """Every meaning that a sentence can have, most often one, none if it is not of the grammar.

    Args:
        section: the part of the report that it stands in, if known.
    """
    if len(text) > LONGEST:
        return []
    words, found = LANGUAGES[language], {}
    text = re.sub(r"\b([Aa])n (?=\d)", r"\1 ", text)
    for rule in _rules(language):
        match = rule.pattern.fullmatch(text)
        if not match:
            continue
        slot = _slot(words, rule, match.groupdict())
        if slot is not None and section in (None, slot.section):
            found[slot.meaning()] = slot
    return list(found.values())


def _slot(words: Words, rule: _Rule, fields: dict[str, str]) -> Slot | None:
    impression = rule.form not in (Form.FOUND, Form.POSSIBLE, Form.NONE_OF)
    section = Section.IMPRESSION if impression else Section.FINDINGS
    if rule.form is Form.NOTHING:
        return Slot(section=section, form=rule.form, kinds=KEYS)
    if rule.form is Form.NONE_OF:
        back = {names[0].lower(): key for key, names in words.names.items()}
        kinds = tuple(back[part.lower()] for part in _split(words, fields["list"]))
        return Slot(section=section, form=rule.form, kinds=kinds)
    kind = _kind(words, fields)
    lobes, side = _place(words, fields.get("place"))
    sort = KINDS[kind]
    fits = {
        "focal": sort.focal, "several": sort.focal, "lobed": sort.lobed and not sort.focal,
        "sided": sort.sided and not sort.focal, "plain": not sort.sided, "": True,
    }[rule.sort]  # fmt: skip
    if not fits or (rule.sort == "lobed" and not lobes) or (rule.sort == "sided" and lobes):
        return None
    size = fields.get("size")
    millimetres = None
    if size:
        millimetres = int(size[:-3]) if size.endswith("mm") else int(size[:-3].replace(".", ""))
    return Slot(
        section=section, form=rule.form, kinds=(kind,), side=side, lobes=lobes,
        size_mm=millimetres, count=int(fields.get("count") or 1),
    )  # fmt: skip


def _kind(words: Words, fields: dict[str, str]) -> str:
    table = {name.lower(): key for key, names in words.names.items() for name in names}
    table |= {name.lower(): key for key, name in words.plural.items()}
    return table[(fields.get("name") or fields["plural"]).lower()]


def _split(words: Words, text: str) -> list[str]:
    return re.split("|".join(re.escape(join) for join in words.joins), text)


def _place(words: Words, text: str | None) -> tuple[tuple[Lobe, ...], Side]:
    if not text:
        return (), Side.NONE
    sides = {name: side for side, name in words.sides.items()}
    if text.lower() in sides:
        return (), sides[text.lower()]
    names = {name: lobe for lobe, name in words.lobes.items()}
    lobes = tuple(names[part.lower()] for part in _split(words, text) if part.lower() in names)
    return lobes, side_of(lobes)


class Fidelity(NamedTuple):
    """How a report and findings agree, in sentences."""

    said: int
    true: int
    unfounded: int
    side_contradictions: int
    missing: int


def fidelity(sentences: list[str], language: str, findings: FindingSet) -> Fidelity:
    """Score a report exactly: each sentence against the findings, each needed slot against it."""
    slots = slots_of(findings)
    meanings = {slot.meaning() for slot in slots}
    by_kind = {(slot.form, slot.kinds): slot for slot in slots}
    true = sides = 0
    heard = set()
    for text in sentences:
        for slot in read(text, language):
            if slot.meaning() in meanings:
                true += 1
                heard.add(slot.meaning())
                break
        else:
            for slot in read(text, language):
                other = by_kind.get((slot.form, slot.kinds))
                sides += other is not None and {other.side, slot.side} == {Side.LEFT, Side.RIGHT}
    needed = {slot.meaning() for slot in slots if slot.needed}
    return Fidelity(len(sentences), true, len(sentences) - true, sides, len(needed - heard))


def texts(sentences: list[Sentence]) -> list[str]:
    """Their words."""
    return [sentence.text for sentence in sentences]
