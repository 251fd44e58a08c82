"""A report that somebody worked on beside a newer draft: sentence by sentence, finding by finding.

What was done by hand is kept unless the reader says otherwise; what the model said is said by the
newer draft. `beside` lays them side by side, `merged` follows what the reader chose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.report_gen.findings import State
from apps.report_gen.report import Origin, Part, ReportDocument, ReportFinding, ReportSentence
from apps.report_gen.reporting.counterparts import Move, counterparts, paired
from apps.report_gen.reporting.differences import Mark, Piece, differences

TOLD = ("state", "side", "lobes", "size_mm", "comment", "box")
"""What a reader can say of a finding."""


class Choice(StrEnum):
    """Which of two is to stand."""

    YOURS = "yours"
    NEWER = "newer"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class SentenceRow:
    """A sentence as the report has it beside that of the newer draft; one of them may be missing.

    Attributes:
        key: names the row in what a reader chooses.
        by_hand: a reader wrote, changed, moved or removed it.
        choice: what stands where nobody chooses.
    """

    key: str
    part: Part
    yours: ReportSentence | None
    newer: ReportSentence | None
    by_hand: bool
    choice: Choice

    @property
    def same(self) -> bool:
        """Whether there is nothing to choose."""
        return (
            self.yours is not None and self.newer is not None and self.yours.text == self.newer.text
        )

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What can be chosen."""
        if self.yours is None or self.newer is None:
            return (Choice.YOURS, Choice.NEWER)
        return tuple(Choice)

    @property
    def yours_marked(self) -> tuple[Piece, ...]:
        """The words of the report, those marked that the newer draft does not have."""
        return self._marked(Mark.ADDED)

    @property
    def newer_marked(self) -> tuple[Piece, ...]:
        """The words of the newer draft, those marked that the report does not have."""
        return self._marked(Mark.REMOVED)

    def _marked(self, without: Mark) -> tuple[Piece, ...]:
        if self.yours is None or self.newer is None:
            one = self.newer if self.yours is None else self.yours
            return () if one is None else (Piece(Mark.SAME, one.text),)
        pieces = differences(self.yours.text, self.newer.text)
        return tuple(each for each in pieces if each.mark is not without)


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """A finding that a reader added, changed or removed, beside what the newer draft has there."""

    key: str
    yours: ReportFinding | None
    newer: ReportFinding | None
    choice: Choice = Choice.YOURS

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What can be chosen."""
        return (Choice.YOURS, Choice.NEWER)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A report and a newer draft.

    Attributes:
        mine: the report as it stands.
        same: ids of findings of `base` and `mine` → those of the draft that they are.
    """

    mine: ReportDocument
    draft: ReportDocument
    base: ReportDocument | None
    move: Move | None
    same: Mapping[str, str]
    findings: tuple[FindingRow, ...]
    sentences: tuple[SentenceRow, ...]

    @property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """What can be chosen, by the keys of rows; what stands where nobody chooses comes first."""
        rows: tuple[FindingRow | SentenceRow, ...] = (*self.findings, *self.sentences)
        return {
            each.key: (each.choice, *(one for one in each.choices if one is not each.choice))
            for each in rows
        }

    @property
    def by_hand(self) -> int:
        """How much of it a reader made."""
        return len(self.findings) + sum(each.by_hand and not each.same for each in self.sentences)


def beside(
    mine: ReportDocument, draft: ReportDocument, base: ReportDocument | None, move: Move | None
) -> Beside:
    """Lay a report beside a newer draft.

    Args:
        base: the draft that `mine` was made of; None where it was rejected: then what is not in
            `mine` was not taken out of it sentence by sentence.
    """
    before = () if base is None else base.findings
    gone = [each for each in before if each.id not in {one.id for one in mine.findings}]
    same = counterparts((*mine.findings, *gone), draft.findings, move)
    findings = tuple(_findings(mine, draft, base, same))
    edited = {row.yours.id for row in findings if row.yours is not None}
    removed = {row.newer.id for row in findings if row.yours is None and row.newer is not None}
    rows: list[SentenceRow] = []
    for part in Part:
        rows += _sentences(part, mine, draft, base, same, edited, removed, len(rows))
    return Beside(
        mine=mine, draft=draft, base=base, move=move, same=same, findings=findings,
        sentences=tuple(rows),
    )  # fmt: skip


def _findings(
    mine: ReportDocument, draft: ReportDocument, base: ReportDocument | None,
    same: Mapping[str, str],
) -> list[FindingRow]:  # fmt: skip
    there = {each.id: each for each in draft.findings}
    before = {each.id: each for each in (() if base is None else base.findings)}
    rows: list[FindingRow] = []

    def add(yours: ReportFinding | None, newer: ReportFinding | None) -> None:
        rows.append(FindingRow(key=f"f{len(rows)}", yours=yours, newer=newer))

    for each in mine.findings:
        newer = there.get(same.get(each.id, ""))
        edited = each.origin is Origin.READER or _told(each) != _told(before.get(each.id, each))
        if edited and _differ(each, newer):
            add(each, newer)
    kept = {each.id for each in mine.findings}
    for each in before.values():
        newer = there.get(same.get(each.id, ""))
        was_there = each.state is not State.ABSENT
        if each.id not in kept and was_there and newer and newer.state is not State.ABSENT:
            add(None, newer)
    return rows


def _differ(yours: ReportFinding, newer: ReportFinding | None) -> bool:
    gone = newer is None or newer.state is State.ABSENT
    if newer is None or (gone and yours.state is State.ABSENT):
        return yours.state is not State.ABSENT
    return _told(newer) != _told(yours)


def _told(finding: ReportFinding) -> tuple[object, ...]:
    return tuple(getattr(finding, name) for name in TOLD)


def _sentences(
    part: Part, mine: ReportDocument, draft: ReportDocument, base: ReportDocument | None,
    same: Mapping[str, str], edited: set[str], removed: set[str], first: int,
) -> list[SentenceRow]:  # fmt: skip
    own, new = _of(mine, part), _of(draft, part)
    pairs = paired(own, new, same)
    taken_out = _taken_out(part, own, base, new, same)
    rows: list[SentenceRow] = []

    def add(yours: ReportSentence | None, newer: ReportSentence | None, by_hand: bool) -> None:
        rows.append(
            SentenceRow(
                key=f"s{first + len(rows)}", part=part, yours=yours, newer=newer, by_hand=by_hand,
                choice=Choice.YOURS if by_hand else Choice.NEWER,
            )
        )  # fmt: skip

    def add_alone(after: int) -> None:
        """Sentences of the report that no newer one is like, where they stand."""
        for at in range(after, len(own)):
            if at in pairs:
                return
            add(own[at], None, _by_hand(own[at], base))

    add_alone(0)
    for number, each in enumerate(new):
        at = next((one for one, other in pairs.items() if other == number), None)
        if at is None:
            about_gone = bool(each.findings) and set(each.findings) <= removed
            add(None, each, about_gone or number in taken_out)
            continue
        about_edited = bool(set(own[at].findings) & edited)
        add(own[at], each, about_edited or _by_hand(own[at], base))
        add_alone(at + 1)
    return rows


def _by_hand(sentence: ReportSentence, base: ReportDocument | None) -> bool:
    if base is None:
        return sentence.origin is Origin.READER
    return sentence not in base.sentences


def _of(document: ReportDocument, part: Part) -> list[ReportSentence]:
    return [each for each in document.sentences if each.part is part and each.text.strip()]


def _taken_out(
    part: Part, own: Sequence[ReportSentence], base: ReportDocument | None,
    new: Sequence[ReportSentence], same: Mapping[str, str],
) -> set[int]:  # fmt: skip
    """Sentences of the newer draft that say what a reader took out of the former one."""
    if base is None:
        return set()
    was = _of(base, part)
    names = {each.id: each.id for each in base.findings}
    left = paired(was, own, names)
    gone = [each for number, each in enumerate(was) if number not in left]
    return set(paired(gone, new, same).values())
