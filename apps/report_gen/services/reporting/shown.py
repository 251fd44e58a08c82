"""A report as the study page shows it: numbered, coloured findings, sentences, checks."""

from dataclasses import dataclass
from typing import Any, Final

from apps.report_gen.findings import KINDS, State
from apps.report_gen.report import Box, Origin, Part, ReportDocument, ReportFinding, ReportSentence
from apps.report_gen.reporting.checks import Check, Level, addressed, checks, named
from apps.report_gen.reporting.differences import PartDifference, of_reports
from apps.report_gen.schema import StudyResult
from apps.report_gen.services.reporting.reports import Whole
from apps.report_gen.viewing import marking
from apps.report_gen.viewing.masks import REGIONS_FROM, Placed, number_of, places, ras_of
from loupe.contract.text import Text

COLOURS: Final = (
    "#f2b134", "#4cc3ff", "#ff7eb6", "#7ddc6f", "#b28dff", "#ff9f6b", "#3ddbd9", "#e6d35a",
    "#8fb8ff", "#f78fa7", "#a5d46a", "#d9a6ff",
)  # fmt: skip
"""Of findings, by their number: told apart on grey, in both themes."""


@dataclass(frozen=True, kw_only=True)
class SeenFinding:
    """A finding with its number in this report, its colour and its place in the viewer."""

    finding: ReportFinding
    name: Text
    kind: Text
    number: int
    colour: int
    addressed: bool
    placed: Placed | None
    box: Box | None = None
    """Of a finding that a reader drew, RAS mm."""

    @property
    def sized(self) -> bool:
        """Whether its kind has a size."""
        return KINDS[self.finding.kind].sized

    @property
    def sided(self) -> bool:
        """Whether its kind has a side."""
        return KINDS[self.finding.kind].sided

    @property
    def lobed(self) -> bool:
        """Whether its kind has lobes."""
        return KINDS[self.finding.kind].lobed

    @property
    def critical(self) -> bool:
        """Whether it must be seen at once."""
        return KINDS[self.finding.kind].critical and self.finding.state is State.PRESENT


@dataclass(frozen=True, kw_only=True)
class SeenSentence:
    """A sentence with its place in the report, what it cites, and what checks say of it."""

    index: int
    sentence: ReportSentence
    cites: tuple[SeenFinding, ...]
    gone: int
    touched: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, kw_only=True)
class SeenPart:
    """A part of the report."""

    part: Part
    sentences: tuple[SeenSentence, ...]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that the editor shows."""

    parts: tuple[SeenPart, ...]
    findings: tuple[SeenFinding, ...]
    absent: tuple[SeenFinding, ...]
    checks: tuple[Check, ...]
    differences: tuple[PartDifference, ...]
    unaddressed: int

    @property
    def listed(self) -> tuple[Check, ...]:
        """The checks, without those that the list of findings shows where there are several."""
        if self.unaddressed < 2:
            return self.checks
        return tuple(each for each in self.checks if each.code != "finding_unaddressed")

    @property
    def first_unaddressed(self) -> str:
        """Where to begin."""
        return next((one.finding.id for one in self.findings if not one.addressed), "")

    @property
    def blocking(self) -> int:
        """How many checks forbid a signature."""
        return sum(check.level is Level.BLOCK for check in self.checks)


def seen(whole: Whole) -> Seen:
    """The report as it stands now."""
    return seen_document(
        whole.document, whole.result, whole.draft,
        acknowledged=whole.study.acknowledged_at is not None,
    )  # fmt: skip


def seen_document(
    document: ReportDocument, result: StudyResult, draft: ReportDocument, *, acknowledged: bool
) -> Seen:
    """Any document of the study."""
    placed = _places(document, result)
    listed: list[SeenFinding] = []
    absent: list[SeenFinding] = []
    for each in document.findings:
        number = 0 if each.state is State.ABSENT else len(listed) + 1
        one = SeenFinding(
            finding=each, name=named(each), kind=KINDS[each.kind].name, number=number,
            colour=(number - 1) % len(COLOURS) if number else 0, addressed=addressed(each),
            placed=placed.get(each.id), box=_box(each, result),
        )  # fmt: skip
        (listed if number else absent).append(one)
    found = checks(document, acknowledged=acknowledged)
    by_id = {one.finding.id: one for one in listed}
    known = {each.id for each in document.findings}
    sentences = [
        SeenSentence(
            index=index,
            sentence=each,
            cites=tuple(by_id[one] for one in each.findings if one in by_id),
            gone=sum(one not in known for one in each.findings),
            touched=each.origin is Origin.READER,
            checks=tuple(check for check in found if check.sentence == index),
        )
        for index, each in enumerate(document.sentences)
    ]
    return Seen(
        parts=tuple(
            SeenPart(
                part=part, sentences=tuple(one for one in sentences if one.sentence.part is part)
            )
            for part in Part
        ),
        findings=tuple(listed),
        absent=tuple(absent),
        checks=found,
        differences=of_reports(draft, document),
        unaddressed=sum(not one.addressed for one in listed),
    )


def _places(document: ReportDocument, result: StudyResult) -> dict[str, Placed]:
    """Of the model's findings where the model saw them; of a reader's where the reader said."""
    found = dict(places(result))
    taken = {each.number for each in found.values()}
    free = (number for number in range(REGIONS_FROM - 1, 0, -1) if number not in taken)
    for each in document.findings:
        if each.centre is not None and result.volume is not None:
            own = each.origin is Origin.READER
            # What a reader drew is painted by the viewer, under a number that no mask has.
            number = (next(free, 0) if each.box else 0) if own else number_of(each)
            found[each.id] = Placed(number, ras_of(result.volume, each.centre))
    return found


def _box(finding: ReportFinding, result: StudyResult) -> Box | None:
    own = finding.origin is Origin.READER and finding.box is not None
    if not own or finding.box is None or result.volume is None:
        return None
    return marking.shown(result.volume, finding.box)


def for_viewer(shown: Seen) -> list[dict[str, Any]]:
    """The findings as the viewer's script takes them."""
    return [
        {
            "id": one.finding.id,
            "number": one.number,
            "colour": COLOURS[one.colour],
            "label": one.placed.number if one.placed else 0,
            "centre": one.placed.centre if one.placed else None,
            "size": one.finding.size_mm,
            "box": one.box,
        }
        for one in shown.findings
    ]
