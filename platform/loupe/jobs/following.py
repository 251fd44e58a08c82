"""Tells an app of row results whose submissions stated facts, so that it can join them.

`follow` runs inside the transaction that stores or reviews the results. Where a submission has no
facts nothing is looked up and nothing is called.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from loupe.contract.facts import OnResults, StoredResult
from loupe.contract.runtime.steps import load
from loupe.jobs.models import Result
from loupe.plugins import registry as apps


def wanted(app: str, facts: object) -> bool:
    """Whether `app` follows results of a submission with these facts."""
    return bool(facts) and apps.get(app).on_results is not None


def follow(app: str, results: Sequence[StoredResult]) -> None:
    """Hand `results`, all of one app, to it.

    Raises:
        LoupeError: the app refused them; the caller's transaction is undone.
    """
    target = apps.get(app).on_results
    if target is None or not results:
        return
    on_results: OnResults = load(target)
    on_results(results)


Corrections: TypeAlias = Mapping[int, Mapping[str, Any] | None]


def reviewed(
    rows: Iterable[Result], corrections: Callable[[Sequence[int]], Corrections] = lambda ids: {}
) -> None:
    """Follow up on results whose outcome a person has just changed.

    Args:
        rows: with decision, submission, input and operating point selected.
        corrections: what standing reviews say should have been found, by result id; asked once,
            and only where an app follows.
    """
    followed = [row for row in rows if wanted(row.app, row.job.submission.facts)]
    corrected = corrections([row.pk for row in followed]) if followed else {}
    by_app: dict[str, list[StoredResult]] = {}
    for row in followed:
        facts = row.job.submission.facts
        app = apps.get(row.app)
        received, point = row.item.input, row.provenance.operating_point
        by_app.setdefault(row.app, []).append(
            StoredResult(
                result_id=row.pk,
                project_id=row.project_id,
                submission_id=row.job.submission_id,
                input_name=received.name if received else "",
                input_sha256=(received.blob_id or "") if received else "",
                facts=facts,
                data=app.result_schema.model_validate(row.data),
                operating_point=app.operating_point_schema.model_validate(
                    point.data if point else {}
                ),
                machine_outcome=row.decision.outcome,
                outcome=row.outcome,
                label=row.label,
                score=row.score,
                reviewed=row.reviewed,
                created_at=row.created_at,
                correction=corrected.get(row.pk),
            )
        )
    for slug, results in by_app.items():
        follow(slug, results)
