"""What is looked at before a report is signed: what blocks a signature, and what is only said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apps.report_gen.findings import KINDS, LOBE_NAMES, SIDE_NAMES, Side, State
from apps.report_gen.report import Origin, Part, ReportDocument, ReportFinding
from apps.report_gen.reporting.contradictions import side_told, states_contradicted
from apps.report_gen.reporting.lengths import borne_out, lengths
from loupe.contract.text import Text


class Level(StrEnum):
    """What a check does to a signature."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is not as it should be.

    Attributes:
        code: stable.
        sentence: its place in the report, where the check is about a sentence.
        finding: its id, where the check is about a finding.
        mends: the verb of an edit that mends it, where one does.
    """

    code: str
    level: Level
    text: Text
    sentence: int | None = None
    finding: str | None = None
    mends: str = ""


def named(finding: ReportFinding) -> Text:
    """A finding in a few words: kind, size, place."""
    kind = KINDS[finding.kind]
    made = {}
    for language in ("en", "zh"):
        words = [kind.name.in_language(language)]
        if finding.size_mm is not None:
            words.append(f"{finding.size_mm:.0f} mm")
        if finding.lobes:
            join = ", " if language == "en" else "、"
            words.append(join.join(LOBE_NAMES[one].in_language(language) for one in finding.lobes))
        elif finding.side is not Side.NONE:
            words.append(SIDE_NAMES[finding.side].in_language(language))
        made[language] = (", " if language == "en" else "，").join(words)
    return Text(en=made["en"], zh=made["zh"])


def _unaddressed(document: ReportDocument) -> Iterator[Check]:
    for each in document.findings:
        if not addressed(each):
            name = named(each)
            yield Check(
                code="finding_unaddressed", level=Level.BLOCK, finding=each.id, mends="confirm",
                text=Text(
                    en=f"Nobody has looked at this finding yet: {name.en}. Confirm, change or "
                    "remove it.",
                    zh=f"此征象尚未核对：{name.zh}。请确认、修改或移除。",
                ),
            )  # fmt: skip


def addressed(finding: ReportFinding) -> bool:
    """Whether a reader has said something about a finding, or nothing needs to be said."""
    return (
        finding.state is State.ABSENT
        or finding.origin is Origin.READER
        or finding.confirmed
        or finding.changed
    )


def _unmentioned(document: ReportDocument) -> Iterator[Check]:
    cited = {one for each in document.sentences for one in each.findings}
    for each in document.findings:
        if each.state is State.PRESENT and each.id not in cited:
            name = named(each)
            yield Check(
                code="finding_unmentioned", level=Level.BLOCK, finding=each.id, mends="mention",
                text=Text(
                    en=f"No sentence speaks of this finding: {name.en}.",
                    zh=f"报告中没有句子提及此征象：{name.zh}。",
                ),
            )  # fmt: skip


def _uncertain(document: ReportDocument) -> Iterator[Check]:
    for each in document.findings:
        if each.state is State.UNCERTAIN:
            name = named(each)
            yield Check(
                code="finding_uncertain", level=Level.WARN, finding=each.id,
                text=Text(
                    en=f"This finding is still uncertain: {name.en}.",
                    zh=f"此征象仍不确定：{name.zh}。",
                ),
            )  # fmt: skip


def _unmeasured(document: ReportDocument) -> Iterator[Check]:
    for each in document.findings:
        if each.state is State.PRESENT and KINDS[each.kind].sized and each.size_mm is None:
            name = named(each)
            yield Check(
                code="finding_unmeasured", level=Level.WARN, finding=each.id,
                text=Text(
                    en=f"This finding has no size: {name.en}. Measure it, or sign without one.",
                    zh=f"此征象没有大小：{name.zh}。请测量，或不填大小直接签署。",
                ),
            )  # fmt: skip


def _sides(document: ReportDocument) -> Iterator[Check]:
    by_id = {each.id: each for each in document.findings}
    for number, sentence in enumerate(document.sentences):
        cited = tuple(by_id[one] for one in sentence.findings if one in by_id)
        told = side_told(sentence.text, document.language, cited)
        if told is None:
            continue
        finding, side, sure = told
        name = named(finding)
        yield Check(
            code="side_contradiction", level=Level.BLOCK if sure else Level.WARN,
            sentence=number, finding=finding.id, mends="word_again",
            text=Text(
                en=f"This sentence says {SIDE_NAMES[side].en}, but the finding it speaks of lies "
                f"elsewhere: {name.en}.",
                zh=f"此句所述为{SIDE_NAMES[side].zh}，与所引征象不符：{name.zh}。",
            ),
        )  # fmt: skip


def _states(document: ReportDocument) -> Iterator[Check]:
    for number, sentence in enumerate(document.sentences):
        for kind, says_present in states_contradicted(document, sentence):
            name = KINDS[kind].name
            yield Check(
                code="state_contradiction", level=Level.BLOCK, sentence=number, mends="word_again",
                text=Text(
                    en=f"This sentence says that {name.en.lower()} is "
                    f"{'present' if says_present else 'absent'}; the findings say otherwise.",
                    zh=f"此句称{'有' if says_present else '无'}{name.zh}，与征象列表不符。",
                ),
            )  # fmt: skip


def _numbers(document: ReportDocument) -> Iterator[Check]:
    by_id = {each.id: each for each in document.findings}
    for number, sentence in enumerate(document.sentences):
        if sentence.part not in (Part.FINDINGS, Part.IMPRESSION):
            continue
        cited = tuple(by_id[one] for one in sentence.findings if one in by_id)
        # A follow-up cites no finding by itself: any of the report's may bear its size out.
        own = cited or (document.findings if sentence.part is Part.IMPRESSION else ())
        for length in lengths(sentence.text):
            if not borne_out(length, own):
                yield Check(
                    code="number_without_finding", level=Level.BLOCK, sentence=number,
                    mends="word_again" if cited else "",
                    text=Text(
                        en=f"No finding that this sentence speaks of measures {length.told}.",
                        zh=f"此句所引征象中没有{length.told}的测量值。",
                    ),
                )  # fmt: skip


def _removed(document: ReportDocument) -> Iterator[Check]:
    there = {each.id for each in document.findings}
    for number, sentence in enumerate(document.sentences):
        gone = [one for one in sentence.findings if one not in there]
        if gone:
            only = len(gone) == len(sentence.findings)
            yield Check(
                code="removed_finding_cited", level=Level.BLOCK, sentence=number, finding=gone[0],
                mends="remove_sentence" if only else "word_again",
                text=Text(
                    en="This sentence speaks of a finding that was removed. Change or remove it.",
                    zh="此句提及已移除的征象，请修改或删除。",
                ),
            )  # fmt: skip


def _empty(document: ReportDocument) -> Iterator[Check]:
    if not document.text(Part.FINDINGS).strip():
        yield Check(
            code="findings_empty", level=Level.BLOCK,
            text=Text(en="The findings are empty.", zh="检查所见为空。"),
        )  # fmt: skip
    if not document.text(Part.IMPRESSION).strip():
        yield Check(
            code="impression_empty", level=Level.BLOCK,
            text=Text(en="The impression is empty.", zh="诊断意见为空。"),
        )  # fmt: skip
    for number, sentence in enumerate(document.sentences):
        if not sentence.text.strip():
            yield Check(
                code="sentence_empty", level=Level.BLOCK, sentence=number, mends="remove_sentence",
                text=Text(en="This sentence is empty.", zh="此句为空。"),
            )  # fmt: skip


def _warned(document: ReportDocument) -> Iterator[Check]:
    for warning in document.warnings:
        yield Check(code="read_with_warning", level=Level.WARN, text=warning)


CHECKS: Final[tuple[Callable[[ReportDocument], Iterator[Check]], ...]] = (
    _unaddressed, _removed, _sides, _states, _numbers, _unmentioned, _empty, _uncertain,
    _unmeasured, _warned,
)  # fmt: skip
CRITICAL: Final = Check(
    code="critical_unacknowledged", level=Level.BLOCK, mends="acknowledge",
    text=Text(
        en="A critical finding has not been acknowledged yet: acknowledge it first.",
        zh="危急征象尚未确认知悉，请先确认。",
    ),
)  # fmt: skip


def is_critical(document: ReportDocument) -> bool:
    """Whether something is present that must be seen at once."""
    return any(
        each.state is State.PRESENT and KINDS[each.kind].critical for each in document.findings
    )


def checks(document: ReportDocument, *, acknowledged: bool) -> tuple[Check, ...]:
    """Everything that is not as it should be, what blocks first.

    Args:
        acknowledged: a person said that they have seen what is critical.
    """
    found = [check for look in CHECKS for check in look(document)]
    if is_critical(document) and not acknowledged:
        found.insert(0, CRITICAL)
    return tuple(sorted(found, key=lambda check: check.level is not Level.BLOCK))


def blocking(found: tuple[Check, ...]) -> tuple[Check, ...]:
    """Those that forbid a signature."""
    return tuple(check for check in found if check.level is Level.BLOCK)
