"""A result as the host's own page shows it: findings by state, which have a slice, the study."""

from dataclasses import dataclass
from typing import Any

from apps.report_gen.findings import KINDS, State
from apps.report_gen.models import Study
from apps.report_gen.report import ReportFinding
from apps.report_gen.schema import GateReason, SeriesView, StudyResult
from apps.report_gen.viewing.masks import places
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class ShownFinding:
    """One finding that is not absent; `slice` says that a picture can be made of it."""

    finding: ReportFinding
    name: Text
    critical: bool
    slice: bool


@dataclass(frozen=True, kw_only=True)
class ShownResult:
    """One result.

    Attributes:
        study: whose result it is; None: it is not there any more.
        newest: whether the study stands by this result; another one came later otherwise.
        absent: names of what was looked for and not found.
        warnings: of the geometry gate.
    """

    study: Study | None
    newest: bool
    series: SeriesView | None
    findings: tuple[ShownFinding, ...]
    absent: tuple[Text, ...]
    warnings: tuple[GateReason, ...]


def of_result(stored: Any) -> ShownResult:
    """What to show of the host's stored result (of `loupe.host.results`). One query."""
    data = stored.data
    if not isinstance(data, StudyResult):
        data = StudyResult.model_validate(data)
    study = Study.objects.filter(project_id=stored.project_id, uid=data.study_uid).first()
    newest = study is not None and study.result_id == stored.id
    placed = places(data)
    found = [each for each in data.findings if each.state is not State.ABSENT]
    found.sort(key=lambda each: (each.state is not State.PRESENT, not KINDS[each.kind].critical))
    listed = tuple(
        ShownFinding(
            finding=each,
            name=KINDS[each.kind].name,
            critical=KINDS[each.kind].critical and each.state is State.PRESENT,
            slice=newest and (one := placed.get(each.id)) is not None and one.centre is not None,
        )
        for each in found
    )
    return ShownResult(
        study=study,
        newest=newest,
        series=next((each for each in data.series if each.chosen), None),
        findings=listed,
        absent=tuple(KINDS[each.kind].name for each in data.findings if each.state is State.ABSENT),
        warnings=tuple(each for each in data.reasons if each.severity == "warning"),
    )
