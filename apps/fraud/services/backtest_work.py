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

from django.db.models import F

from apps.fraud.models import Backtest, TransactionLabel
from apps.fraud.schema import OperatingPoint
from apps.fraud.services.deciding_again import Program, deciding
from apps.fraud.services.labels import VALUES
from apps.fraud.services.leasing import MOST_ATTEMPTS, Leasing
from apps.fraud.services.wakeups import wake_backtest
from loupe.contract.runtime.errors import InputRefused
from loupe.host import blocks
from loupe.host.derived import place

TURN_S = 45.0
"""After so long a worker gives others their turn."""
LAST_S = 15.0
"""A turn that read for longer than this leaves the end to the next one."""
MOST_ROWS = 2_000_000
MOST_BLOCKS = 50_000
BEFORE = timedelta(days=1)
"""Nothing was stored earlier than so long before it happened."""


def turn(backtest_id: uuid.UUID) -> None:
    """Work on a backtest for a while; safe to run twice at the same time."""
    LEASING.turn(backtest_id, _work)


def recover() -> int:
    """Wake up what nobody works on: its worker was killed, or its message was lost."""
    return LEASING.recover()


def folder_of(backtest: Backtest) -> Path:
    """Where its parts are."""
    return place("fraud", "backtests") / str(backtest.pk)


def _work(backtest: Backtest) -> bool:
    """Go on; whether it came to its end (or somebody ended it)."""
    until = time.monotonic() + TURN_S
    found = backtest.blocks
    if found is None:
        found = _blocks(backtest)
        if not LEASING.holding(backtest, blocks=found):
            return True
    point = OperatingPoint.model_validate(backtest.point)
    with deciding(backtest.version, point) as program:
        if not LEASING.holding(backtest):
            return True
        told = program.ask(
            "folder",
            folder=str(folder_of(backtest)),
            champion=backtest.champion,
            first=backtest.first_ms,
            stop=backtest.stop_ms,
            blocks=len(found),
        )
        reached, left_out = _reached(backtest, told["done"], told["rows"])
        held = {"done": reached, "rows": told["rows"], "left_out": left_out}
        if not LEASING.holding(backtest, **held):
            return True
        for number, (block, version) in enumerate(found[reached:], reached):
            rows, refusal = _one(backtest, program, number, block, version)
            told = {"done": number + 1, "rows": F("rows") + rows}
            if refusal is not None:
                told |= {"left_out": F("left_out") + 1, "left_out_why": refusal.message}
            # A turn that came this far was not lost.
            if not LEASING.holding(backtest, attempts=1, **told):
                return True
            if time.monotonic() > until:
                return False
        if time.monotonic() > until - (TURN_S - LAST_S):
            # Putting all together may take a while: it gets a turn of its own.
            return False
        answer = program.ask("conclude", prices=backtest.prices)
    _end(backtest, answer["comparison"])
    return True


def _reached(backtest: Backtest, kept: Sequence[int], rows: int) -> tuple[int, int]:
    """With which block to go on, and how many were left out before it.

    A worker that was killed may have kept a part and not told of it. Where parts were lost, all
    begins anew.
    """
    if rows < backtest.rows:
        return 0, 0
    return max(backtest.done, max(kept, default=-1) + 1), backtest.left_out


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


def _end(backtest: Backtest, result: dict[str, Any] | None) -> None:
    if result is None:
        refused = Backtest.objects.values_list("left_out_why", flat=True).get(pk=backtest.pk)
        why = refused or "No transaction of that period was decided."
        LEASING.fail(backtest, InputRefused(why, code="nothing_taken"))
        return
    LEASING.end(backtest, result=result)


LEASING: Leasing[Backtest] = Leasing(
    rows=lambda: Backtest.objects.select_related("version__model__project", "project"),
    wake=wake_backtest,
    lost=f"{MOST_ATTEMPTS} workers were lost over this backtest. Choose a shorter period, or look "
    "into the log of the worker.",
    clear=lambda backtest: shutil.rmtree(folder_of(backtest), ignore_errors=True),
)
"""How backtests are held."""
