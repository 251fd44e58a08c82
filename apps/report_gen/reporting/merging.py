"""A newer draft with what a reader keeps of the report as it stood."""

from collections.abc import Mapping

from apps.report_gen.findings import KINDS, State
from apps.report_gen.report import Origin, ReportDocument, ReportFinding, ReportSentence
from apps.report_gen.reporting.beside import TOLD, Beside, Choice, FindingRow, SentenceRow
from apps.report_gen.reporting.counterparts import carried
from apps.report_gen.reporting.findings import MOST as MOST_FINDINGS
from apps.report_gen.reporting.refusing import EditRefused
from apps.report_gen.reporting.sentences import MOST as MOST_SENTENCES


def merged(two: Beside, choices: Mapping[str, Choice]) -> ReportDocument:
    """The newer draft with what was chosen of the report; what nobody chose goes by itself.

    Args:
        choices: rows' keys → what is to stand.

    Raises:
        EditRefused: a choice is none, or the report would be too long.
    """
    known = two.choices
    for key, choice in choices.items():
        if choice not in known.get(key, ()):
            raise EditRefused(
                f"{choice!s} of {key[:20]!r} cannot be chosen here; compare the two again.",
                code="no_such_choice",
            )
    made = _Merging(two)
    for row in two.findings:
        made.take_finding(row, choices.get(row.key, row.choice))
    sentences = [
        each
        for row in two.sentences
        for each in made.sentences(row, choices.get(row.key, row.choice))
    ]
    return made.document(sentences)


class _Merging:
    """The newer draft's findings, and where the former ones went."""

    def __init__(self, two: Beside) -> None:
        self.two = two
        self.findings = list(two.draft.findings)
        self.to = dict(two.same)
        """Ids of the former report → ids of this one."""
        self.renamed: dict[str, str] = {}
        """Ids of the newer draft → ids of what stands in their place."""
        self.dropped: set[str] = set()
        """Of the former report, by choice."""

    def take_finding(self, row: FindingRow, choice: Choice) -> None:
        """One finding that a reader had made."""
        if choice is Choice.NEWER:
            if row.yours is not None and row.newer is None:
                self.dropped.add(row.yours.id)
            return
        if row.newer is not None and row.yours is None:
            self.findings = [each for each in self.findings if each.id != row.newer.id]
        elif row.yours is not None and row.newer is None:
            self._carry(row.yours)
        elif row.yours is not None and row.newer is not None:
            self._change(row.yours, row.newer)

    def _change(self, yours: ReportFinding, newer: ReportFinding) -> None:
        """The reader's words on a finding that the newer draft has as well."""
        drawn = yours.origin is Origin.READER
        if drawn or newer.state is State.ABSENT:
            self.findings = [each for each in self.findings if each.id != newer.id]
            self.renamed[newer.id] = self._carry(yours)
            return
        before = self.two.base
        was = next((one for one in before.findings if one.id == yours.id), None) if before else None
        told = {
            name: getattr(yours, name)
            for name in TOLD
            if was is None or getattr(yours, name) != getattr(was, name)
        }
        if "box" in told:
            placed = carried(yours, self.two.move)
            told |= {"box": placed.box, "centre": placed.centre}
        after = newer.model_copy(update={**told, "changed": True, "confirmed": True})
        self.findings = [after if each.id == newer.id else each for each in self.findings]

    def _carry(self, yours: ReportFinding) -> str:
        """Put a finding in that the newer draft does not have; its id there."""
        own = carried(yours, self.two.move)
        if own.state is not State.ABSENT:
            self.findings = [
                one
                for one in self.findings
                if one.kind != own.kind or one.state is not State.ABSENT
            ]
        made = self._free(own)
        self.findings.append(own.model_copy(update={"id": made}))
        self.to[yours.id] = made
        return made

    def _free(self, finding: ReportFinding) -> str:
        """Never an id that the newer draft has: its masks would be mistaken for this one's."""
        taken = {each.id for each in (*self.findings, *self.two.draft.findings)}
        if finding.id not in taken or not KINDS[finding.kind].focal:
            return finding.id
        number = 1
        while f"{finding.kind}.r{number}" in taken:
            number += 1
        return f"{finding.kind}.r{number}"

    def sentences(self, row: SentenceRow, choice: Choice) -> list[ReportSentence]:
        """What a row comes to."""
        made = []
        keeps = choice is not Choice.NEWER or (row.same and row.by_hand)
        if row.yours is not None and keeps:
            made.append(self._kept(row.yours))
        if row.newer is not None and (choice is not Choice.YOURS) and not (row.same and made):
            told = tuple(self.renamed.get(one, one) for one in row.newer.findings)
            made.append(row.newer.model_copy(update={"findings": told}))
        return made

    def _kept(self, sentence: ReportSentence) -> ReportSentence:
        """A sentence of the former report; what it speaks of goes with it."""
        former = {each.id: each for each in self.two.mine.findings}
        told = []
        for one in sentence.findings:
            if one not in self.to and one in former and one not in self.dropped:
                self._carry(former[one])
            if one in self.to:
                told.append(self.renamed.get(self.to[one], self.to[one]))
        return sentence.model_copy(update={"findings": tuple(dict.fromkeys(told))})

    def document(self, sentences: list[ReportSentence]) -> ReportDocument:
        """The newer draft with these sentences and the findings as they are now."""
        if len(sentences) > MOST_SENTENCES:
            raise EditRefused(
                f"A report has at most {MOST_SENTENCES} sentences; shorten this one.",
                code="too_many_sentences",
            )
        if len(self.findings) > MOST_FINDINGS:
            raise EditRefused(
                f"A report has at most {MOST_FINDINGS} findings; put the others into words.",
                code="too_many_findings",
            )
        return self.two.draft.model_copy(
            update={"sentences": tuple(sentences), "findings": tuple(self.findings)}
        )
