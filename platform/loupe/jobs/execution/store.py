"""Storing what was computed: results, decisions and item states in one transaction.

Only items whose lease token still matches are stored; everything else is dropped in silence,
because another worker has the item or a person cancelled it.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from loupe.accounts.models import Project
from loupe.blobs import services as blobs
from loupe.bulk import insert
from loupe.changes.kinds import Kind
from loupe.changes.services import publish_many
from loupe.contract.facts import StoredResult
from loupe.engine.errors import QueueFull
from loupe.jobs import following, splitting
from loupe.jobs.ending import end_if_finished
from loupe.jobs.execution.outcomes import Block, Cut, Failed, Finished, Postponed, Row
from loupe.jobs.execution.pipeline import PARQUET
from loupe.jobs.limits import (
    MAX_LATE,
    MAX_POSTPONEMENTS,
    POSTPONE_FIRST_SECONDS,
    POSTPONE_MOST_SECONDS,
)
from loupe.jobs.models import Decision, Item, ItemState, Result, ResultBlock


def store(finished: Sequence[Finished]) -> int:
    """Store a group of finished items, then close jobs that ended with it.

    Returns how many items were still ours. Safe to repeat: an item is stored at most once.

    Raises:
        OperationalError: the database could not write; nothing was stored.
    """
    started = time.perf_counter()
    with transaction.atomic():
        mine = _still_held(finished)
        rows = [done for done in mine if isinstance(done.outcome, Row)]
        blocks = [done for done in mine if isinstance(done.outcome, Block)]
        now = timezone.now()
        results = _store_rows(rows, now, started)
        stored_blocks = _store_blocks(blocks, now, started)
        Item.objects.filter(pk__in=[done.item.pk for done in [*rows, *blocks]]).update(
            state=ItemState.DONE,
            ended_at=now,
            lease_token=None,
            lease_until=None,
            progress=1,
            note="",
        )
        for done in mine:
            if isinstance(done.outcome, Cut):
                splitting.store(done.item, done.outcome.ranges)
        without = [done for done in mine if isinstance(done.outcome, Failed | Postponed)]
        failed = [done for done in without if _store_unfinished(done, now)]
        _follow(results)
        _follow_blocks(stored_blocks)
        _publish(results, stored_blocks, failed)
    end_if_finished({done.item.job_id for done in mine})
    return len(mine)


def _still_held(finished: Sequence[Finished]) -> list[Finished]:
    """Those whose lease is still ours; their rows stay locked until the transaction ends."""
    tokens = dict(
        Item.objects.select_for_update()
        .filter(pk__in=[done.item.pk for done in finished], state=ItemState.LEASED)
        .order_by("pk")
        .values_list("pk", "lease_token")
    )
    return [done for done in finished if tokens.get(done.item.pk) == done.claim.token]


def _store_rows(
    rows: Sequence[Finished], now: datetime, started: float
) -> list[tuple[Finished, Result]]:
    prepared = [(done, done.outcome) for done in rows if isinstance(done.outcome, Row)]
    results = insert(
        Result(
            item=done.item,
            project_id=done.claim.job.project_id,
            job_id=done.item.job_id,
            app=done.claim.job.app,
            provenance_id=done.claim.job.provenance_id,
            data=outcome.result.model_dump(mode="json"),
            times_ms=_times(done, started),
            outcome=outcome.decision.outcome,
            label=outcome.decision.label,
            score=outcome.decision.score,
            created_at=now,
        )
        for done, outcome in prepared
    )
    insert(
        Decision(
            result=result,
            operating_point_id=done.claim.job.provenance.operating_point_id,
            outcome=outcome.decision.outcome,
            score=outcome.decision.score,
            label=outcome.decision.label,
            reasons=[reason.model_dump(mode="json") for reason in outcome.decision.reasons],
        )
        for (done, outcome), result in zip(prepared, results, strict=True)
    )
    return list(zip(rows, results, strict=True))


def _follow(stored: Sequence[tuple[Finished, Result]]) -> None:
    """Tell apps of the results of submissions with facts."""
    by_app: dict[str, list[StoredResult]] = defaultdict(list)
    for done, result in stored:
        submission = done.claim.job.submission
        if not following.wanted(result.app, submission.facts):
            continue
        received, outcome = done.item.input, done.outcome
        if not isinstance(outcome, Row):
            continue
        by_app[result.app].append(
            StoredResult(
                result_id=result.pk,
                project_id=result.project_id,
                submission_id=submission.pk,
                input_name=received.name if received else "",
                input_sha256=(received.blob_id or "") if received else "",
                facts=submission.facts,
                data=outcome.result,
                operating_point=outcome.settings,
                machine_outcome=result.outcome,
                outcome=result.outcome,
                label=result.label,
                score=result.score,
                reviewed=False,
                created_at=result.created_at,
            )
        )
    for app, results in by_app.items():
        following.follow(app, results)


def _follow_blocks(stored: Sequence[tuple[Finished, ResultBlock]]) -> None:
    """Tell apps of their blocks."""
    following.follow_blocks(
        [
            following.NewBlock(
                block=block,
                submission_id=done.claim.job.submission_id,
                position=done.item.position,
                session=str(done.claim.job.pk),
                input_name=done.item.input.name if done.item.input else "",
                facts=done.claim.job.submission.facts,
                provenance=done.claim.job.provenance,
                operating_point=done.outcome.settings,
                read=done.outcome.read,
                parsed=done.outcome.parsed,
            )
            for done, block in stored
            if isinstance(done.outcome, Block) and done.outcome.read is not None
        ]
    )


def _store_blocks(
    blocks: Sequence[Finished], now: datetime, started: float
) -> list[tuple[Finished, ResultBlock]]:
    prepared = [(done, done.outcome) for done in blocks if isinstance(done.outcome, Block)]
    files = [outcome.written for _, outcome in prepared]
    kept = blobs.record((file.sha256, file.size, PARQUET) for file in files)
    stored = insert(
        ResultBlock(
            item=done.item,
            project_id=done.claim.job.project_id,
            job_id=done.item.job_id,
            app=done.claim.job.app,
            provenance_id=done.claim.job.provenance_id,
            blob=blob,
            rows=outcome.rows,
            outcomes=outcome.outcomes,
            times_ms=_times(done, started),
            created_at=now,
        )
        for (done, outcome), blob in zip(prepared, kept, strict=True)
    )
    return list(zip(blocks, stored, strict=True))


def _times(done: Finished, started: float) -> dict[str, float]:
    """Stage times with ``store``: what storing took up to the insert of the group's rows."""
    store_ms = done.times_ms.get("store", 0.0) + (time.perf_counter() - started) * 1e3
    return {name: round(ms, 3) for name, ms in {**done.times_ms, "store": store_ms}.items()}


def _store_unfinished(done: Finished, now: datetime) -> bool:
    """Write down why there is no result; whether the item failed for good."""
    item, outcome = done.item, done.outcome
    row = Item.objects.filter(pk=item.pk)
    if isinstance(outcome, Postponed) and not _given_up(item, outcome):
        row.update(
            state=ItemState.QUEUED,
            not_before=now + backoff(item.postponements),
            postponements=F("postponements") + 1,
            attempts=F("attempts") - 1,
            note=outcome.message[:200],
            lease_token=None,
            lease_until=None,
        )
        return False
    if isinstance(outcome, Postponed | Failed):
        row.update(
            state=ItemState.FAILED,
            ended_at=now,
            error_code=outcome.code,
            error=outcome.message,
            note="",
            lease_token=None,
            lease_until=None,
        )
    return True


def _given_up(item: Item, outcome: Postponed) -> bool:
    """Whether waiting has lasted long enough; an item that is always late will stay late.

    A full queue is never a reason: the engine works, and there will be room.
    """
    if outcome.code == QueueFull.code:
        return False
    most = MAX_LATE if outcome.code == "deadline_exceeded" else MAX_POSTPONEMENTS
    return item.postponements + 1 >= most


def backoff(postponements: int) -> timedelta:
    """How long an item waits after it was postponed so many times before: 1, 2, 4 … 30 s."""
    doubled = POSTPONE_FIRST_SECONDS * 2.0 ** min(postponements, 10)
    return timedelta(seconds=min(doubled, POSTPONE_MOST_SECONDS))


def _publish(
    results: Sequence[tuple[Finished, Result]],
    blocks: Sequence[tuple[Finished, ResultBlock]],
    failed: Sequence[Finished],
) -> None:
    """One line of the changes feed per result, block and failure."""
    lines: dict[uuid.UUID, list[tuple[Kind, object, dict[str, object]]]] = defaultdict(list)
    projects: dict[uuid.UUID, Project] = {}
    for done, result in results:
        projects[result.project_id] = done.claim.job.project
        told: dict[str, object] = {
            "app": result.app,
            "job": str(result.job_id),
            "outcome": result.outcome,
        }
        lines[result.project_id].append((Kind.RESULT_DECIDED, result.pk, told))
    for done, block in blocks:
        projects[block.project_id] = done.claim.job.project
        told = {"app": block.app, "job": str(block.job_id), "outcomes": block.outcomes}
        lines[block.project_id].append((Kind.RESULT_DECIDED, f"block-{block.pk}", told))
    for done in failed:
        job = done.claim.job
        projects[job.project_id] = job.project
        code = done.outcome.code if isinstance(done.outcome, Failed | Postponed) else ""
        told = {"app": job.app, "job": str(job.pk), "code": code}
        lines[job.project_id].append((Kind.ITEM_FAILED, done.item.pk, told))
    for project_id, project in projects.items():
        publish_many(project, lines[project_id])
