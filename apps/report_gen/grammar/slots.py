"""What a report has to say, one slot a sentence: made of findings, never of text."""

from dataclasses import dataclass
from enum import StrEnum

from apps.report_gen.findings import FINDINGS, KINDS, Finding, FindingSet, Lobe, Side, State


class Section(StrEnum):
    """The parts of a report that are written from slots, in order."""

    FINDINGS = "findings"
    IMPRESSION = "impression"


class Form(StrEnum):
    """What kind of sentence a slot asks for."""

    FOUND = "found"
    """One finding that is present, with its place and size."""
    POSSIBLE = "possible"
    """One that is uncertain."""
    NONE_OF = "none_of"
    """Several of one region that are absent."""
    ANSWER_YES = "answer_yes"
    """The question asked: it is there."""
    ANSWER_NO = "answer_no"
    ANSWER_UNSURE = "answer_unsure"
    SUMMARY = "summary"
    """One line of the impression for a kind that is present."""
    NOTHING = "nothing"
    """The impression when none of the findings is present."""


REGIONS: tuple[tuple[str, ...], ...] = (
    ("lung_nodule", "mass"),
    ("lung_opacity", "consolidation", "atelectasis"),
    ("emphysema",),
    ("pleural_effusion", "pneumothorax"),
    ("cardiomegaly", "pericardial_effusion"),
    ("arterial_calcification", "coronary_calcification"),
    ("hiatal_hernia",),
)
"""Kinds that are denied together, in the order in which a report goes through the chest."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One thing to say.

    Attributes:
        ids: of the findings that it is about.
        kinds: of those, in the order of `REGIONS`.
        size_mm: whole mm, of the largest where it is about several.
        count: of focal findings, in a summary.
        needed: a report without it is not complete; answers are given where somebody asked.
    """

    section: Section
    form: Form
    kinds: tuple[str, ...]
    ids: tuple[str, ...] = ()
    side: Side = Side.NONE
    lobes: tuple[Lobe, ...] = ()
    size_mm: int | None = None
    count: int = 1
    needed: bool = True

    def meaning(self) -> tuple[object, ...]:
        """What it says, whoever says it: equal for a slot and the sentence read back."""
        return (
            self.form, self.kinds, self.side, frozenset(self.lobes), self.size_mm, self.count,
        )  # fmt: skip


def whole_mm(size: float | None) -> int | None:
    """A size as it is told: halves go up."""
    return None if size is None else int(size + 0.5)


def slots_of(findings: FindingSet) -> list[Slot]:
    """Everything that a report on these findings says, or may say."""
    return [*_findings(findings), *_impression(findings)]


def _findings(findings: FindingSet) -> list[Slot]:
    made = []
    for region in REGIONS:
        absent: list[Finding] = []
        for key in region:
            for each in (one for one in findings.findings if one.kind == key):
                if each.state is State.ABSENT:
                    absent.append(each)
                else:
                    made.append(_one(each))
        if absent:
            made.append(
                Slot(
                    section=Section.FINDINGS, form=Form.NONE_OF,
                    kinds=tuple(each.kind for each in absent),
                    ids=tuple(each.id for each in absent),
                )
            )  # fmt: skip
    return made


def _one(finding: Finding) -> Slot:
    found = finding.state is State.PRESENT
    return Slot(
        section=Section.FINDINGS,
        form=Form.FOUND if found else Form.POSSIBLE,
        kinds=(finding.kind,),
        ids=(finding.id,),
        side=finding.side if found else Side.NONE,
        lobes=finding.lobes if found else (),
        size_mm=whole_mm(finding.size_mm) if found and KINDS[finding.kind].sized else None,
    )


def _impression(findings: FindingSet) -> list[Slot]:
    made, states = [], findings.states()
    forms = {
        State.PRESENT: Form.ANSWER_YES, State.ABSENT: Form.ANSWER_NO,
        State.UNCERTAIN: Form.ANSWER_UNSURE,
    }  # fmt: skip
    for kind in FINDINGS:
        all_of = [one for one in findings.findings if one.kind == kind.key]
        ids = tuple(one.id for one in all_of if one.state is states[kind.key])
        made.append(
            Slot(
                section=Section.IMPRESSION, form=forms[states[kind.key]], kinds=(kind.key,),
                ids=ids, needed=False,
            )
        )  # fmt: skip
        there = [one for one in all_of if one.state is State.PRESENT]
        if there:
            made.append(_summary(kind.key, there))
    if all(state is not State.PRESENT for state in states.values()):
        ids = tuple(one.id for one in findings.findings)
        made.append(
            Slot(section=Section.IMPRESSION, form=Form.NOTHING, kinds=tuple(states), ids=ids)
        )
    return made


def _summary(key: str, there: list[Finding]) -> Slot:
    sides = {one.side for one in there}
    side = next(iter(sides)) if len(sides) == 1 else Side.BOTH
    sizes = [one.size_mm for one in there if one.size_mm is not None]
    return Slot(
        section=Section.IMPRESSION, form=Form.SUMMARY, kinds=(key,),
        ids=tuple(one.id for one in there), side=side,
        size_mm=whole_mm(max(sizes)) if KINDS[key].sized and sizes else None,
        count=len(there) if KINDS[key].focal else 1,
    )  # fmt: skip
