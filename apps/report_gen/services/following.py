"""From the host's results to the state of studies: what is found, how urgent it is, what failed."""

from collections.abc import Sequence
from typing import Final

from django.utils import timezone

from apps.report_gen.decide import is_critical
from apps.report_gen.findings import State
from apps.report_gen.models import Study, StudyState
from apps.report_gen.schema import StudyResult
from apps.report_gen.services.chinese import in_chinese
from apps.report_gen.services.reporting import wakeups
from loupe.contract.facts import StoredResult
from loupe.host import submitting

AT_ONCE: Final = 200
_OVER: Final = (StudyState.REPORTED,)


def on_results(results: Sequence[StoredResult]) -> None:
    """Tell studies of their results (`App.on_results`); safe to repeat, three queries for any."""
    by_submission = {one.submission_id: one for one in results}
    studies = list(Study.objects.filter(submission_id__in=by_submission))
    now = timezone.now()
    changed = []
    for study in studies:
        stored = by_submission[study.submission_id]  # type: ignore[index]
        result = StudyResult.model_validate(stored.data.model_dump())
        _tell(study, stored, result)
        if study.state not in _OVER:
            study.state = StudyState.REFUSED if result.status == "refused" else StudyState.DRAFTED
        if study.drafted_at is None:
            study.drafted_at = now
        changed.append(study)
    Study.objects.bulk_update(
        changed,
        ["state", "result", "present", "priority", "critical", "problems", "drafted_at"],
    )
    for study in changed:
        wakeups.prepare(study.pk)


def _tell(study: Study, stored: StoredResult, result: StudyResult) -> None:
    present = [each for each in result.findings if each.state is State.PRESENT]
    study.result_id = stored.result_id
    study.present = sorted({each.kind for each in present})
    study.critical = any(is_critical(each) for each in present)
    study.priority = stored.score
    if result.status == "refused":
        told = [
            {"code": each.code, "en": each.en, "zh": each.zh, "files": 0}
            for each in result.reasons
            if each.severity == "refusal"
        ]
        kept = [each for each in study.problems if each.get("files")]
        study.problems = [*told, *kept]


def settle() -> int:
    """Studies whose job ended without a result are failed, with what the host says; how many."""
    count = 0
    rows = Study.objects.filter(state=StudyState.READING, submission_id__isnull=False)
    for study in rows.order_by("last_image_at")[:AT_ONCE]:
        item = submitting.submitted(study.submission_id)  # type: ignore[arg-type]
        if item is None or item.ended_at is None or hasattr(item, "result"):
            continue
        Study.objects.filter(pk=study.pk, state=StudyState.READING).update(
            state=StudyState.FAILED,
            problems=[
                {
                    "code": item.error_code,
                    "en": item.error,
                    "files": 0,
                    "zh": in_chinese(item.error, item.error_code),
                }
            ],
        )
        count += 1
    return count
