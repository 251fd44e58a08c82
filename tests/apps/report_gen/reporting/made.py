"""Reports for tests: a nodule on the right, an effusion on the left, worded by the grammar."""

from dataclasses import replace
from typing import Literal

from apps.report_gen.findings import KEYS, Finding, FindingSet, Lobe, Side, State
from apps.report_gen.grammar.slots import Section, slots_of
from apps.report_gen.grammar.writing import ordered, variants
from apps.report_gen.report import ModelCredit, Part, ReportDocument, ReportFinding, ReportSentence
from loupe.contract.text import Text

NODULE = Finding(
    id="lung_nodule.1", kind="lung_nodule", state=State.PRESENT, probability=0.9, side=Side.RIGHT,
    lobes=(Lobe.RIGHT_UPPER,), size_mm=8.2, volume_ml=0.3, centre=(40.0, 60.0, 80.0),
    box=((36.0, 44.0), (56.0, 64.0), (76.0, 84.0)), label=1,
)  # fmt: skip
EFFUSION = Finding(
    id="pleural_effusion", kind="pleural_effusion", state=State.PRESENT, probability=0.8,
    side=Side.LEFT, volume_ml=120.0,
)  # fmt: skip
CREDIT = ModelCredit(
    name="chest", version=1, sha256="0" * 64, trained_on=Text(en="phantoms", zh="体模")
)


def findings(*present: Finding) -> FindingSet:
    """These, and all other kinds absent."""
    kinds = {each.kind for each in present}
    absent = [
        Finding(id=key, kind=key, state=State.ABSENT, probability=0.01)
        for key in KEYS
        if key not in kinds
    ]
    return FindingSet(findings=(*present, *absent))


def worded(found: FindingSet, language: str = "en") -> tuple[ReportSentence, ...]:
    """Everything that has to be said of them."""
    return tuple(
        ReportSentence(
            part=Part.FINDINGS if slot.section is Section.FINDINGS else Part.IMPRESSION,
            text=variants(slot, language)[0], findings=slot.ids,
        )
        for slot in ordered(slots_of(found), None)
    )  # fmt: skip


def as_reported(found: FindingSet) -> tuple[ReportFinding, ...]:
    """As a report holds them."""
    return tuple(
        ReportFinding(
            id=each.id, kind=each.kind, state=each.state, probability=each.probability,
            side=each.side, lobes=each.lobes, size_mm=each.size_mm, volume_ml=each.volume_ml,
            centre=each.centre, box=each.box, label=each.label,
        )
        for each in found.findings
    )  # fmt: skip


def document(
    *present: Finding, language: Literal["en", "zh"] = "en", confirmed: bool = False
) -> ReportDocument:
    """A draft; the nodule and the effusion where nothing else is asked for."""
    found = findings(*(present or (NODULE, EFFUSION)))
    reported = as_reported(found)
    if confirmed:
        reported = tuple(each.model_copy(update={"confirmed": True}) for each in reported)
    return ReportDocument(
        language=language, study_uid="2.25.7", series_uid="2.25.8",
        sentences=worded(found, language), findings=reported, model=CREDIT,
    )  # fmt: skip


def nodule(**changes: object) -> Finding:
    """The nodule with other values."""
    return replace(NODULE, **changes)  # type: ignore[arg-type]


def index_of(made: ReportDocument, finding_id: str, part: Part = Part.FINDINGS) -> int:
    """Where the sentence about a finding stands."""
    return next(
        index
        for index, each in enumerate(made.sentences)
        if each.part is part and finding_id in each.findings
    )
