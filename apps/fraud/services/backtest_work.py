"""A worker's turn at a backtest: claim it, read block after block, put all together.

What is read is kept as parts on the disk, so a turn goes on where the last one ended or was killed.
The lease is renewed with every block; only its holder writes.
"""

import shutil
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.fraud.models import Backtest, TransactionLabel
from apps.fraud.models.backtests import UNENDED, BacktestState
from apps.fraud.schema import OperatingPoint
from apps.fraud.services.deciding_again import Program, deciding
from apps.fraud.services.labels import VALUES
from apps.fraud.services.wakeups import wake_backtest
from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.host import blocks
from loupe.host.derived import place

TURN_S = 45.0
"""After so long a worker gives others their turn."""
LAST_S = 15.0
"""A turn that read for longer than this leaves the end to the next one."""
MOST_ROWS = 2_000_000
MOST_BLOCKS = 50_000
MOST_ATTEMPTS = 5
BEFORE = timedelta(days=1)
"""Nothing was stored earlier than so long before it happened."""


def turn(backtest_id: uuid.UUID) -> None:
    """Work on a backtest for a while; safe to run twice at the same time."""
    backtest = _claimed(backtest_id)
    if backtest is None:
        return
    if backtest.attempts > MOST_ATTEMPTS:
        _fail(backtest, _lost())
        return
    try:
        ended = _work(backtest)
    except TemporarilyUnavailable as error:
        if backtest.attempts >= MOST_ATTEMPTS:
            _fail(backtest, error)
        else:
            _release(backtest)
            wake_backtest(backtest.pk, 2.0**backtest.attempts)
        return
    except LoupeError as error:
        _fail(backtest, error)
        return
    if not ended:
        _release(backtest)
        wake_backtest(backtest.pk)
    elif not Backtest.objects.filter(pk=backtest.pk, ended_at=None).exists():
        shutil.rmtree(folder_of(backtest), ignore_errors=True)


def recover() -> int:
    """Wake up what nobody works on: its worker was killed, or its message was lost."""
    now = timezone.now()
    rows = Backtest.objects.filter(state__in=UNENDED, ended_at=None)
    idle = rows.filter(models.Q(lease_until=None) | models.Q(lease_until__lt=now))
    found = list(idle.values_list("pk", flat=True))
    for pk in found:
        wake_backtest(pk)
    return len(found)


def folder_of(backtest: Backtest) -> Path:
    """Where its parts are."""
    return place("fraud", "backtests") / str(backtest.pk)


def _claimed(backtest_id: uuid.UUID) -> Backtest | None:
    """The backtest with a lease of ours; None: it has ended, or somebody has it."""
    now, token = timezone.now(), uuid.uuid4()
    rows = Backtest.objects.filter(pk=backtest_id, state__in=UNENDED)
    free = rows.filter(models.Q(lease_until=None) | models.Q(lease_until__lt=now))
    taken = free.update(
        state=BacktestState.RUNNING,
        lease_token=token,
        lease_until=now + _lease(),
        attempts=F("attempts") + 1,
        started_at=Coalesce(F("started_at"), models.Value(now)),
    )
    found = rows.select_related("version__model__project", "project").first()
    if found is not None and not taken and found.lease_until is not None:
        # Its worker may be dead: look again when the lease would have ended.
        wake_backtest(found.pk, max(1.0, (found.lease_until - now).total_seconds() + 0.5))
    return found if taken else None


def _work(backtest: Backtest) -> bool:
    """Go on; whether it came to its end (or somebody ended it)."""
    until = time.monotonic() + TURN_S
    found = backtest.blocks
    if found is None:
        found = _blocks(backtest)
        if not _holding(backtest, blocks=found):
            return True
    point = OperatingPoint.model_validate(backtest.point)
    with deciding(backtest.version, point) as program:
        if not _holding(backtest):
            return True
        done = set(
            program.ask(
                "folder",
                folder=str(folder_of(backtest)),
                champion=backtest.champion,
                first=backtest.first_ms,
                stop=backtest.stop_ms,
                blocks=len(found),
            )["done"]
        )
        for number, (block, version) in enumerate(found):
            if number in done:
                continue
            rows, refusal = _one(backtest, program, number, block, version)
            told = {"done": number + 1, "rows": F("rows") + rows}
            if refusal is not None:
                told["left_out"] = F("left_out") + 1
                told["left_out_why"] = refusal.message
            # A turn that came this far was not lost.
            if not _holding(backtest, attempts=1, **told):
                return True
            if time.monotonic() > until:
                return False
        if time.monotonic() > until - (TURN_S - LAST_S):
            # Putting all together may take a while: it gets a turn of its own.
            return False
        answer = program.ask("conclude", prices=backtest.prices)
    _end(backtest, answer["comparison"])
    return True


def _one(
    backtest: Backtest, program: Program, number: int, block: int, version: int | None
) -> tuple[int, InputRefused | None]:
    """Read one block: how many rows were taken, or why none could be."""
    with blocks.opened("fraud", backtest.project_id, block) as path:
        if path is None:
            return 0, None
        try:
            told = program.ask("open", path=str(path), version=version)
        except InputRefused as error:
            return 0, error
        labels = _labels(backtest, told["ids"], told["times"])
        return int(program.ask("part", number=number, labels=labels)["rows"]), None


def _blocks(backtest: Backtest) -> list[list[int | None]]:
    """Which blocks to read.

    Raises:
        InputRefused: there are none, or too many.
    """
    since = None
    if backtest.first_ms is not None:
        since = datetime.fromtimestamp(backtest.first_ms / 1000, tz=UTC) - BEFORE
    found = blocks.blocks_of(
        "fraud", backtest.project_id, job_id=backtest.job_id, since=since, most=MOST_BLOCKS + 1
    )
    rows = sum(block.rows for block in found)
    if not found:
        raise InputRefused(
            "Nothing was decided in that period. Upload transactions, or choose another.",
            code="nothing_decided",
        )
    if rows > MOST_ROWS or len(found) > MOST_BLOCKS:
        raise InputRefused(
            f"At least {rows:,} transactions in {len(found):,} blocks were decided since then; a "
            f"backtest reads {MOST_ROWS:,} in {MOST_BLOCKS:,}. Begin the period later.",
            code="too_many_rows",
        )
    return [[block.id, block.model_version_id] for block in found]


def _labels(backtest: Backtest, ids: Sequence[str], times: Sequence[int]) -> list[int]:
    """1 fraud, 0 honest, −1 not known, for each transaction."""
    rows = TransactionLabel.objects.filter(
        project=backtest.project_id, standing=True, transaction__in=list(ids)
    )
    known = {name: VALUES[label] for name, label in rows.values_list("transaction", "label")}
    if not backtest.silent_honest:
        return [known.get(name, -1) for name in ids]
    delay = OperatingPoint.model_validate(backtest.champion).scheme.label_delay
    settled = int((backtest.created_at.timestamp() - delay) * 1000)
    return [
        known.get(name, 0 if at <= settled else -1) for name, at in zip(ids, times, strict=True)
    ]


def _holding(backtest: Backtest, **told: Any) -> bool:
    """Renew the lease and write `told`; False: it was cancelled, or somebody else has it."""
    rows = Backtest.objects.filter(pk=backtest.pk, lease_token=backtest.lease_token)
    return bool(
        rows.filter(state=BacktestState.RUNNING).update(
            lease_until=timezone.now() + _lease(), **told
        )
    )


def _release(backtest: Backtest) -> None:
    rows = Backtest.objects.filter(pk=backtest.pk, lease_token=backtest.lease_token)
    rows.update(lease_token=None, lease_until=None)


def _end(backtest: Backtest, result: dict[str, Any] | None) -> None:
    if result is None:
        refused = Backtest.objects.values_list("left_out_why", flat=True).get(pk=backtest.pk)
        why = refused or "No transaction of that period was decided."
        _fail(backtest, InputRefused(why, code="nothing_taken"))
        return
    now = timezone.now()
    if _holding(backtest, result=result):
        Backtest.objects.filter(pk=backtest.pk, lease_token=backtest.lease_token).update(
            state=BacktestState.DONE, ended_at=now, lease_token=None, lease_until=None
        )


def _fail(backtest: Backtest, error: LoupeError) -> None:
    rows = Backtest.objects.filter(pk=backtest.pk, lease_token=backtest.lease_token)
    rows.filter(state=BacktestState.RUNNING).update(
        state=BacktestState.FAILED,
        ended_at=timezone.now(),
        lease_token=None,
        lease_until=None,
        error_code=error.code,
        error=error.message,
    )
    shutil.rmtree(folder_of(backtest), ignore_errors=True)


def _lost() -> LoupeError:
    return LoupeError(
        f"{MOST_ATTEMPTS} workers were lost over this backtest. Choose a shorter period, or look "
        "into the log of the worker.",
        code="worker_lost",
    )


def _lease() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)
