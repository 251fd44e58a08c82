"""How much of a draft a reader kept: what became of findings and sentences."""

from dataclasses import asdict, dataclass

from apps.report_gen.report import Origin, ReportDocument, ReportFinding


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """Counts of findings and sentences, from the model's draft to a later document."""

    findings_kept: int = 0
    findings_changed: int = 0
    findings_removed: int = 0
    findings_added: int = 0
    sentences_kept: int = 0
    sentences_changed: int = 0
    sentences_removed: int = 0
    sentences_added: int = 0

    def as_record(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)

    @property
    def findings(self) -> int:
        """Findings that a reader saw otherwise."""
        return self.findings_changed + self.findings_removed + self.findings_added


def _says(finding: ReportFinding) -> tuple[object, ...]:
    return finding.state, finding.side, frozenset(finding.lobes), finding.size_mm


def corrections(draft: ReportDocument, later: ReportDocument) -> Corrections:
    """From `draft` to `later`."""
    old = {each.id: each for each in draft.findings}
    new = {each.id: each for each in later.findings}
    # A kind that is there once keeps its id when a reader adds what the model said was absent.
    both = {one for one in old.keys() & new.keys() if old[one].origin is new[one].origin}
    changed = sum(_says(old[one]) != _says(new[one]) for one in both)
    # An absent finding that gives way to one a reader added is that addition alone.
    added_kinds = {each.kind for one, each in new.items() if one not in both}
    gone = [
        one
        for one in old.keys() - both
        if not (old[one].state.value == "absent" and old[one].kind in added_kinds)
    ]
    before = [(each.part, each.text) for each in draft.sentences]
    after = [(each.part, each.text) for each in later.sentences]
    kept = sum(min(before.count(one), after.count(one)) for one in set(before))
    lost, written = len(before) - kept, len(after) - kept
    by_reader = sum(each.origin is Origin.READER for each in later.sentences)
    reworded = min(lost, written, by_reader)
    return Corrections(
        findings_kept=len(both) - changed, findings_changed=changed, findings_removed=len(gone),
        findings_added=len(new.keys() - both), sentences_kept=kept,
        sentences_changed=reworded, sentences_removed=lost - reworded,
        sentences_added=written - reworded,
    )  # fmt: skip
