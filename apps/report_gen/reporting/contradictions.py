"""Where a sentence and the findings of its report cannot both be right."""

import re
from collections.abc import Iterator
from typing import Final

from apps.report_gen.findings import Side, State
from apps.report_gen.grammar.reading import read
from apps.report_gen.grammar.slots import Form, Slot
from apps.report_gen.report import ReportDocument, ReportFinding, ReportSentence

SAYS_PRESENT: Final = frozenset({Form.FOUND, Form.ANSWER_YES, Form.SUMMARY})
SAYS_ABSENT: Final = frozenset({Form.NONE_OF, Form.ANSWER_NO, Form.NOTHING})
LEFT = re.compile(r"\bleft\b|\blingula|左", re.IGNORECASE)
RIGHT = re.compile(r"\bright\b|右", re.IGNORECASE)
BOTH = re.compile(r"\bbilateral|\bboth\b|双", re.IGNORECASE)
OPPOSITE: Final = {Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}


def side_told(
    text: str, language: str, cited: tuple[ReportFinding, ...]
) -> tuple[ReportFinding, Side, bool] | None:
    """The finding whose side a sentence gets wrong, the side it says, and whether that is sure.

    A sentence of the grammar is understood, and so sure; of free words only ``left`` and ``right``
    are, which may speak of something else.
    """
    sided = [each for each in cited if each.side in OPPOSITE and each.state is State.PRESENT]
    slots = [slot for slot in read(text, language) if slot.side is not Side.NONE]
    for slot in slots:
        of_kind = [each for each in sided if each.kind in slot.kinds]
        wrong = [each for each in of_kind if _contradicts(slot, each)]
        if wrong and len(wrong) == len(of_kind):
            return wrong[0], slot.side, True
    if slots or not sided:
        return None
    free = _free_side(text)
    if free is None:
        return None
    for each in sided:
        if OPPOSITE[each.side] is free and all(one.side is each.side for one in sided):
            return each, free, False
    return None


def _contradicts(slot: Slot, finding: ReportFinding) -> bool:
    if slot.lobes and finding.lobes:
        return not set(slot.lobes) & set(finding.lobes)
    return slot.side is OPPOSITE[finding.side]


def _free_side(text: str) -> Side | None:
    left, right = bool(LEFT.search(text)), bool(RIGHT.search(text))
    if left == right or BOTH.search(text):
        return None
    return Side.LEFT if left else Side.RIGHT


def states_contradicted(
    document: ReportDocument, sentence: ReportSentence
) -> Iterator[tuple[str, bool]]:
    """Kinds that a sentence of the grammar calls present (True) or absent (False) against the
    findings. A sentence that can be read in several ways contradicts only if all of them do."""
    readings = [set(_wrong(document, slot)) for slot in read(sentence.text, document.language)]
    if readings:
        yield from sorted(set.intersection(*readings))


def _wrong(document: ReportDocument, slot: Slot) -> Iterator[tuple[str, bool]]:
    present = {each.kind for each in document.findings if each.state is State.PRESENT}
    possible = present | {each.kind for each in document.findings if each.state is State.UNCERTAIN}
    for kind in slot.kinds:
        if slot.form in SAYS_PRESENT and kind not in possible:
            yield kind, True
        if slot.form in SAYS_ABSENT and kind in present:
            yield kind, False
