"""Tells an app of row results whose submissions stated facts, so that it can join them, and of
blocks of columnar results.

`follow` and `follow_blocks` run inside the transaction that stores or reviews the results. Where a
submission has no facts nothing is looked up and nothing is called for its row results.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from loupe.contract.blocks import OnBlocks, StoredBlock
from loupe.contract.facts import OnResults, StoredResult
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import load
from loupe.jobs.models import Provenance, Result, ResultBlock
from loupe.jobs.stored import shown_provenance
from loupe.plugins import registry as apps

Read: TypeAlias = Callable[[], tuple[Columns, DecisionColumns]]


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


@dataclass(frozen=True, kw_only=True)
class NewBlock:
    """A block that has its row, on its way to its app; `read` is what was encoded."""

    block: ResultBlock
    submission_id: UUID
    position: int
    session: str
    input_name: str
    facts: Mapping[str, str]
    provenance: Provenance
    operating_point: BaseModel
    read: Read
    parsed: Mapping[str, JsonValue] = field(default_factory=dict)


def wants_blocks(app: str) -> bool:
    """Whether `app` follows its blocks: whoever stores them keeps their columns until then."""
    return apps.get(app).on_blocks is not None


def follow_blocks(stored: Sequence[NewBlock]) -> None:
    """Hand blocks to their apps, those of one app together.

    Raises:
        LoupeError: an app refused them; the caller's transaction is undone.
    """
    by_app: dict[str, list[StoredBlock]] = {}
    for one in stored:
        row = one.block
        by_app.setdefault(row.app, []).append(
            StoredBlock(
                block_id=row.pk,
                project_id=row.project_id,
                submission_id=one.submission_id,
                job_id=row.job_id,
                session=one.session,
                position=one.position,
                input_name=one.input_name,
                facts=one.facts,
                rows=row.rows,
                outcomes=row.outcomes,
                provenance=shown_provenance(one.provenance),
                model_version_id=one.provenance.model_version_id,
                operating_point_id=one.provenance.operating_point_id,
                operating_point=one.operating_point,
                created_at=row.created_at,
                read=one.read,
                parsed=one.parsed,
            )
        )
    for slug, blocks in by_app.items():
        on_blocks: OnBlocks = load(str(apps.get(slug).on_blocks))
        on_blocks(blocks)


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
