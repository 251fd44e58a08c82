"""Writing synchronous calls down: submission, input, job, item, result and decision at once.

`record_sync` stores one call, `record_many` several calls, each in one transaction. What is
answered was stored before.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.blobs.small import Small
from loupe.blobs.writing import Written
from loupe.bulk import insert, prepare
from loupe.changes.kinds import Kind
from loupe.changes.services import publish_many
from loupe.contract.blocks import LIVE
from loupe.contract.facts import StoredResult
from loupe.contract.outcomes import DecisionDraft
from loupe.intake.models import Channel, Input, Submission
from loupe.jobs import following
from loupe.jobs.models import (
    Decision,
    Item,
    ItemState,
    Job,
    JobState,
    Provenance,
    Result,
    ResultBlock,
)


@dataclass(frozen=True, kw_only=True)
class StoredBlock:
    """A columnar result whose file is in place in storage, or a small one."""

    written: Written | Small
    media_type: str
    rows: int
    outcomes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class SyncCall:
    """One synchronous call once its answer is known.

    Attributes:
        app: the app's slug.
        provenance: `loupe.jobs.provenance.shared` of the versions that answered.
        name: what the caller named the input.
        blob: the row of the input's bytes, unsaved, made when they came in.
        result, decision: None where the engine was late or gone; then `error_code` and `error`
            say why, the item counts as failed and can be tried again.
        data: `result` as plain JSON, where that is at hand.
        settings: the operating point that decided.
        facts: what the caller said of the input.
        block: the result of columns-form, in place of `result` and `decision`.
        read: the columns and decisions of `block`, where its app follows blocks.
        fallback: ``fail_open`` or ``fail_closed`` where the caller's policy was applied.
        begun: `begin` of the same call, where there was time for that before the answer was known.
    """

    actor: Actor
    project: Project
    app: str
    provenance: Provenance
    name: str
    kind: str
    blob: Blob | None
    result: BaseModel | None = None
    decision: DecisionDraft | None = None
    data: Mapping[str, object] | None = None
    block: StoredBlock | None = None
    read: following.Read | None = None
    times_ms: dict[str, float] = field(default_factory=dict)
    fallback: str = ""
    error_code: str = ""
    error: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    settings: BaseModel | None = None
    begun: "Begun | None" = None

    @property
    def answered(self) -> bool:
        """Whether there is a result."""
        return self.decision is not None or self.block is not None


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The rows of a call that stand before its answer: unsaved, and prepared for storing.

    `result` and `decision` are None where the answer is a block, or nothing.
    """

    submission: Submission
    received: Input
    job: Job
    item: Item
    result: Result | None
    decision: Decision | None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The ids a call was stored under; `result_id` is None where there is no row result."""

    submission_id: uuid.UUID
    job_id: uuid.UUID
    item_id: int
    result_id: int | None


def begin(call: SyncCall, *, single: bool = True) -> Begun:
    """Make what can be made of a call while its answer is still awaited. Asks no database.

    Args:
        single: whether the answer may be one result with its decision.
    """
    submission = Submission(
        project_id=call.project.pk,
        app=call.app,
        channel=Channel.SYNC,
        name=call.name,
        facts=dict(call.facts),
        sent_by_user=call.actor.user,
        sent_by_key=call.actor.key,
        fallback=call.fallback,
    )
    received = Input(submission=submission, name=call.name, kind=call.kind, blob=call.blob)
    job = Job(
        project_id=call.project.pk,
        submission=submission,
        app=call.app,
        provenance=call.provenance,
        state=JobState.DONE,
    )
    item = Item(job=job, position=0, attempts=1)
    result, decision = _of_one(call, job, item) if single else (None, None)
    if call.blob is not None:
        prepare(call.blob)
    prepare(submission, late=("fallback",))
    prepare(received)
    prepare(job, late=("started_at", "ended_at"))
    prepare(item, late=("input", "state", "error_code", "error", "ended_at"))
    return Begun(
        submission=submission,
        received=received,
        job=job,
        item=item,
        result=result,
        decision=decision,
    )


def _of_one(call: SyncCall, job: Job, item: Item) -> tuple[Result, Decision]:
    """The rows of a result and its decision."""
    result = Result(
        item=item,
        project_id=call.project.pk,
        job=job,
        app=call.app,
        provenance_id=job.provenance_id,
    )
    decision = Decision(
        result=result, operating_point_id=call.provenance.operating_point_id, fallback=call.fallback
    )
    prepare(result, late=("item", "data", "times_ms", "outcome", "label", "score", "created_at"))
    prepare(decision, late=("result", "outcome", "score", "label", "reasons", "fallback"))
    return result, decision


def _settled(call: SyncCall, now: datetime) -> Begun:
    """The rows of a call with what its answer says of them."""
    begun = call.begun or begin(call, single=call.result is not None)
    begun.submission.fallback = call.fallback
    begun.job.started_at = begun.job.ended_at = begun.item.ended_at = now
    begun.item.state = ItemState.DONE if call.answered else ItemState.FAILED
    begun.item.error_code, begun.item.error = call.error_code, call.error
    result, decision, said = begun.result, begun.decision, call.decision
    if call.result is not None and said and result is not None and decision is not None:
        result.data = call.result.model_dump(mode="json") if call.data is None else call.data
        result.created_at = now
        result.outcome = decision.outcome = said.outcome
        result.label = decision.label = said.label
        result.score = decision.score = said.score
        decision.reasons = [reason.model_dump(mode="json") for reason in said.reasons]
        decision.fallback = call.fallback
    return begun


def record_sync(call: SyncCall) -> Recorded:
    """Store one call; see `record_many`."""
    return record_many([call])[0]


def record_many(calls: Sequence[SyncCall]) -> list[Recorded]:
    """Store several calls in one transaction: all or none of them."""
    with transaction.atomic():
        return record_within(calls)


def record_within(calls: Sequence[SyncCall]) -> list[Recorded]:
    """Store several calls within the caller's transaction."""
    start = time.perf_counter()
    now = timezone.now()
    blobs.record_rows(_files(calls))
    begun = [_settled(call, now) for call in calls]
    insert(each.submission for each in begun)
    insert(each.received for each in begun)
    insert(each.job for each in begun)
    for each in begun:
        each.item.input = each.received  # its key is known only now
    items = insert(each.item for each in begun)
    store_ms = (time.perf_counter() - start) * 1e3
    answered = [
        (call, each.item, each.result, each.decision)
        for call, each in zip(calls, begun, strict=True)
        if call.result is not None
        and call.decision is not None
        and each.result is not None
        and each.decision is not None
    ]
    for call, item, result, _ in answered:
        result.item = item
        result.times_ms = {**call.times_ms, "store": store_ms}
    insert(result for _, _, result, _ in answered)
    for _, _, result, decision in answered:
        decision.result = result
    insert(decision for _, _, _, decision in answered)
    results = {item.pk: result for _, item, result, _ in answered}
    stored = _store_blocks(calls, items, now, store_ms)
    _follow(calls, items, results)
    _follow_blocks(calls, items, stored)
    _publish(calls, items, results, stored)
    return [
        Recorded(
            submission_id=each.submission.pk,
            job_id=each.job.pk,
            item_id=each.item.pk,
            result_id=each.result.pk if each.result is not None else None,
        )
        for each in begun
    ]


def _follow(calls: Sequence[SyncCall], items: Sequence[Item], results: dict[int, Result]) -> None:
    """Tell apps of the row results of calls that stated facts."""
    by_app: dict[str, list[StoredResult]] = defaultdict(list)
    for call, item in zip(calls, items, strict=True):
        result = results.get(item.pk)
        if not following.wanted(call.app, call.facts) or result is None:
            continue
        if call.result is None or call.settings is None:
            continue
        by_app[call.app].append(
            StoredResult(
                result_id=result.pk,
                project_id=call.project.pk,
                submission_id=item.job.submission_id,
                input_name=call.name,
                input_sha256=call.blob.sha256 if call.blob else "",
                facts=call.facts,
                data=call.result,
                operating_point=call.settings,
                machine_outcome=result.outcome,
                outcome=result.outcome,
                label=result.label,
                score=result.score,
                reviewed=False,
                created_at=result.created_at,
            )
        )
    for app, stored in by_app.items():
        following.follow(app, stored)


def _follow_blocks(
    calls: Sequence[SyncCall], items: Sequence[Item], stored: dict[int, ResultBlock]
) -> None:
    """Tell apps of the blocks of calls."""
    following.follow_blocks(
        [
            following.NewBlock(
                block=stored[item.pk],
                submission_id=item.job.submission_id,
                position=item.position,
                session=LIVE,
                input_name=call.name,
                facts=call.facts,
                provenance=call.provenance,
                operating_point=call.settings,
                read=call.read,
            )
            for call, item in zip(calls, items, strict=True)
            if item.pk in stored and call.read is not None and call.settings is not None
        ]
    )


def _store_blocks(
    calls: Sequence[SyncCall], items: Sequence[Item], now: datetime, store_ms: float
) -> dict[int, ResultBlock]:
    """The blocks of columns-form, by item."""
    found = [
        (call, item, call.block)
        for call, item in zip(calls, items, strict=True)
        if call.block is not None
    ]
    stored = insert(
        ResultBlock(
            item=item,
            project_id=call.project.pk,
            job_id=item.job_id,
            app=call.app,
            provenance_id=item.job.provenance_id,
            blob_id=block.written.sha256,
            rows=block.rows,
            outcomes=block.outcomes,
            times_ms={**call.times_ms, "store": store_ms},
            created_at=now,
        )
        for call, item, block in found
    )
    return {row.item_id: row for row in stored}


def _publish(
    calls: Sequence[SyncCall],
    items: Sequence[Item],
    results: dict[int, Result],
    stored: dict[int, ResultBlock],
) -> None:
    """One line of the changes feed per call."""
    lines: dict[uuid.UUID, list[tuple[Kind, object, dict[str, object]]]] = defaultdict(list)
    projects: dict[uuid.UUID, Project] = {}
    for call, item in zip(calls, items, strict=True):
        projects[call.project.pk] = call.project
        result = results.get(item.pk)
        block = stored.get(item.pk)
        if block is not None:
            data: dict[str, object] = {
                "app": call.app,
                "job": str(item.job_id),
                "outcomes": block.outcomes,
            }
            lines[call.project.pk].append((Kind.RESULT_DECIDED, f"block-{block.pk}", data))
        elif result is None:
            data = {"app": call.app, "job": str(item.job_id), "code": call.error_code}
            lines[call.project.pk].append((Kind.ITEM_FAILED, item.pk, data))
        else:
            data = {"app": call.app, "job": str(item.job_id), "outcome": result.outcome}
            lines[call.project.pk].append((Kind.RESULT_DECIDED, result.pk, data))
    for project_id, told in lines.items():
        publish_many(projects[project_id], told)


def _files(calls: Sequence[SyncCall]) -> Iterator[Blob]:
    """The row of every file the calls refer to."""
    for call in calls:
        if call.blob is not None:
            yield call.blob
        if call.block is not None:
            yield Blob(
                sha256=call.block.written.sha256,
                size=call.block.written.size,
                media_type=call.block.media_type,
            )
