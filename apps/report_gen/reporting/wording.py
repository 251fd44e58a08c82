"""Sentences made of a report's findings by the grammar, in the report's language."""

from collections.abc import Sequence

from apps.report_gen.findings import Finding, FindingSet
from apps.report_gen.grammar.slots import Section, Slot, slots_of
from apps.report_gen.grammar.writing import variants
from apps.report_gen.report import Part, ReportDocument, ReportFinding


def as_finding(finding: ReportFinding) -> Finding:
    """A report's finding as the grammar takes it."""
    return Finding(
        id=finding.id, kind=finding.kind, state=finding.state,
        probability=finding.probability if finding.probability is not None else 1.0,
        side=finding.side, lobes=finding.lobes, size_mm=finding.size_mm,
        volume_ml=finding.volume_ml, centre=finding.centre, box=finding.box, label=finding.label,
    )  # fmt: skip


def as_set(findings: Sequence[ReportFinding]) -> FindingSet:
    """A report's findings as the grammar takes them."""
    return FindingSet(findings=tuple(as_finding(each) for each in findings))


def slot_for(document: ReportDocument, part: Part, ids: Sequence[str]) -> Slot | None:
    """What a sentence of `part` about these findings has to say; None: nothing."""
    if part not in (Part.FINDINGS, Part.IMPRESSION):
        return None
    asked = set(ids)
    best, shared = None, 0
    for slot in slots_of(as_set(document.findings)):
        if slot.section is not Section(part.value) or not slot.needed:
            continue
        common = len(asked & set(slot.ids))
        # Of slots that speak of the same findings the narrowest one is meant.
        if common > shared or (best and common == shared and len(slot.ids) < len(best.ids)):
            best, shared = slot, common
    return best


def worded(document: ReportDocument, part: Part, ids: Sequence[str]) -> tuple[str, Slot] | None:
    """A sentence that says what these findings are now, and the slot it says; None: none can."""
    slot = slot_for(document, part, ids)
    if slot is None:
        return None
    options = variants(slot, document.language)
    return (options[0], slot) if options else None
