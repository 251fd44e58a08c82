"""Sentences of slots: every wording of each, and whole reports with some of them."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from apps.report_gen.findings import KINDS, Side
from apps.report_gen.grammar.chinese import CHINESE
from apps.report_gen.grammar.english import ENGLISH
from apps.report_gen.grammar.slots import Form, Section, Slot
from apps.report_gen.grammar.words import Words

LANGUAGES: Final = MappingProxyType({"en": ENGLISH, "zh": CHINESE})
AN: Final = re.compile(r"\b([Aa]) (?=(?:8\d?|11|18)(?:\.\d)? )")
"""The article before a number that is spoken with a vowel first."""
IN_CM_FROM: Final = 30
"""mm; what is longer may be told in cm."""


@dataclass(frozen=True)
class Sentence:
    """One sentence of a report and the slot that it says."""

    text: str
    slot: Slot


def sort_of(slot: Slot) -> str:
    """Which group of patterns a slot that tells of one kind takes."""
    kind = KINDS[slot.kinds[0]]
    if kind.focal:
        return "several" if slot.count > 1 else "focal"
    if slot.form is Form.FOUND and kind.lobed and slot.lobes:
        return "lobed"
    return "sided" if slot.side is not Side.NONE else "plain"


def patterns(words: Words, slot: Slot) -> tuple[str, ...]:
    """The patterns that say a slot."""
    if slot.form is Form.FOUND:
        return words.found[sort_of(slot)]
    if slot.form is Form.SUMMARY:
        return words.summary[sort_of(slot)]
    return {
        Form.POSSIBLE: words.possible, Form.NONE_OF: words.none_of, Form.ANSWER_YES: words.yes,
        Form.ANSWER_NO: words.no, Form.ANSWER_UNSURE: words.unsure, Form.NOTHING: words.nothing,
    }[slot.form]  # fmt: skip


def joined(parts: list[str], last: str, other: str) -> str:
    """A list in words."""
    return parts[0] if len(parts) == 1 else other.join(parts[:-1]) + last + parts[-1]


def place(words: Words, slot: Slot) -> str:
    """Where, in words; the lobes if they are told, else the side."""
    if slot.lobes:
        return joined([words.lobes[lobe] for lobe in slot.lobes], words.joins[0], words.joins[2])
    return words.sides.get(slot.side, "")


def sizes(size_mm: int | None) -> list[str]:
    """A size in words, in mm and, of what is large, in cm."""
    if size_mm is None:
        return [""]
    told = [f"{size_mm} mm"]
    if size_mm >= IN_CM_FROM:
        told.append(f"{size_mm // 10}.{size_mm % 10} cm")
    return told


def variants(slot: Slot, language: str) -> list[str]:
    """Every sentence that says a slot and nothing else, each once."""
    words = LANGUAGES[language]
    where = place(words, slot)
    denied = joined([words.names[key][0] for key in slot.kinds], words.joins[1], words.joins[2])
    named = slot.form not in (Form.NONE_OF, Form.NOTHING)
    names = words.names[slot.kinds[0]] if named else ("",)
    plural = words.plural.get(slot.kinds[0], "") if named else ""
    made: dict[str, None] = {}
    for pattern in patterns(words, slot):
        for name in names if "{name}" in pattern else names[:1]:
            for size in sizes(slot.size_mm):
                text = pattern.format(
                    name=name, place=where, size=size, count=slot.count, list=denied, plural=plural
                )
                text = AN.sub(r"\1n ", text)
                made[text[0].upper() + text[1:] if words.title else text] = None
    return list(made)


def ordered(slots: list[Slot], asked: str | None) -> list[Slot]:
    """The slots of a report in the order in which it says them.

    Each section first says what was asked, then what must be seen at once, then the rest as they
    come; an answer is given to the question asked and to no other.
    """
    kept = [slot for slot in slots if slot.needed or (asked is not None and slot.kinds == (asked,))]
    sections = list(Section)

    def rank(slot: Slot) -> tuple[int, int]:
        first = (asked in slot.kinds and slot.form is not Form.NOTHING) * -2
        answer = -3 if not slot.needed else 0
        critical = -1 if slot.form is not Form.NONE_OF and KINDS[slot.kinds[0]].critical else 0
        denied = 1 if slot.form is Form.NONE_OF else 0
        return sections.index(slot.section), min(first, answer, critical) or denied

    return sorted(kept, key=rank)


def write(
    slots: list[Slot], language: str, asked: str | None, draw: np.random.Generator
) -> list[Sentence]:
    """A report with wordings drawn at random."""
    made = []
    for slot in ordered(slots, asked):
        texts = variants(slot, language)
        made.append(Sentence(texts[int(draw.integers(len(texts)))], slot))
    return made
