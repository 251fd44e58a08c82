"""A worker's turn at fitting thresholds: claim it, read block after block, fit on all together.

As of a backtest, what is read is kept as parts on the disk, the lease is renewed with every block,
and only its holder writes.
"""

import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.fraud.models import ThresholdFit, ThresholdRun, TransactionLabel
from apps.fraud.policy.asked import FitFound
from apps.fraud.schema import OperatingPoint
from apps.fraud.services.deciding_again import Program, started
from apps.fraud.services.errors import Unusable
from apps.fraud.services.labels import VALUES
from apps.fraud.services.leasing import MOST_ATTEMPTS, Leasing
from apps.fraud.services.wakeups import wake_fitting
from loupe.contract.runtime.errors import InputRefused
from loupe.host import blocks
from loupe.host.derived import place
from loupe.host.people import SYSTEM, Actor, record_audit

TURN_S = 45.0
"""After so long a worker gives others their turn."""
LAST_S = 15.0
"""A turn that read for longer than this leaves the end to the next one."""
MOST_ROWS, MOST_BLOCKS = 3_000_000, 5_000
"""The newest transactions that are fitted on."""
UNTOLD = -2
"""See `apps.fraud.policy.fitting.UNTOLD`."""


def turn(run_id: uuid.UUID) -> None:
    """Work on a fit for a while; safe to run twice at the same time."""
    LEASING.turn(run_id, _work)


def recover() -> int:
    """Wake up what nobody works on."""
    return LEASING.recover()


def folder_of(run: ThresholdRun) -> Path:
    """Where its parts are."""
    return place("fraud", "fits") / str(run.pk)


def _work(run: ThresholdRun) -> bool:
    """Go on; whether it came to its end (or somebody ended it)."""
    until = time.monotonic() + TURN_S
    found: list[int] | None = run.blocks
    if found is None:
        found = blocks.newest_blocks(
            "fraud", run.project_id, run.version_id, MOST_ROWS, MOST_BLOCKS
        )
        if not LEASING.holding(run, blocks=found):
            return True
    with started() as program:
        told = program.ask("fitting", folder=str(folder_of(run)), blocks=len(found))
        done = set(told["done"])
        for number, block in enumerate(found):
            if number in done:
                continue
            counts = _one(run, program, number, block)
            more = {name: F(name) + count for name, count in counts.items()}
            # A turn that came this far was not lost.
            if not LEASING.holding(run, attempts=1, done=number + 1, **more):
                return True
            if time.monotonic() > until:
                return False
        if time.monotonic() > until - (TURN_S - LAST_S):
            # Fitting may take a while: it gets a turn of its own.
            return False
        answer = program.ask("fit", asked=run.asked, point=run.point)
    _end(run, FitFound.model_validate(answer["found"]))
    return True


def _one(run: ThresholdRun, program: Program, number: int, block: int) -> dict[str, int]:
    """Read one block: how many scored transactions, how many of them honest and fraud."""
    nothing = {"rows": 0, "honest": 0, "fraud": 0}
    with blocks.opened("fraud", run.project_id, block) as path:
        if path is None:
            return nothing
        try:
            told = program.ask("scored", path=str(path))
        except InputRefused:
            return nothing
        answer: dict[str, int] = program.ask(
            "keep",
            number=number,
            told=_labels(run.project_id, told["ids"]),
            silent_before=_silent_before(run),
        )
    return answer


def _labels(project_id: uuid.UUID, ids: Sequence[str]) -> list[int]:
    """1 fraud, 0 honest, −1 said to be unknown, `UNTOLD` of each transaction."""
    rows = TransactionLabel.objects.filter(
        project=project_id, standing=True, transaction__in=list(ids)
    )
    known = {name: VALUES[label] for name, label in rows.values_list("transaction", "label")}
    return [known.get(name, UNTOLD) for name in ids]


def _silent_before(run: ThresholdRun) -> int:
    """Milliseconds; 0: what nobody spoke of stays unknown."""
    if not run.silent:
        return 0
    delay = OperatingPoint.model_validate(run.point).scheme.label_delay
    return int((run.created_at.timestamp() - delay) * 1000)


def _end(run: ThresholdRun, found: FitFound) -> None:
    counts: dict[str, Any] = {"rows": found.rows, "honest": found.honest, "fraud": found.fraud}
    if found.fitted is None:
        said = Unusable(
            f"Of {found.rows:,} scored transactions {found.honest:,} are known to be legitimate "
            f"and {found.fraud:,} to be fraud: too few to choose thresholds and certify them. At "
            f"least {found.missing:,} more legitimate rows are missing, spread over an earlier and "
            "a later stretch.",
            code="too_few_labels",
        )
        LEASING.fail(run, said, missing=found.missing, **counts)
        return
    with transaction.atomic():
        made = ThresholdFit.objects.create(
            project=run.project,
            model_version=run.version,
            rows=found.rows,
            bands=[band.model_dump(mode="json") for band in found.fitted.point.bands],
            certificate=found.fitted.certificate.model_dump(mode="json"),
            curve=found.curve.model_dump(mode="json"),
            who=run.who,
        )
        if not LEASING.end(run, proposal=made, **counts):
            # It was cancelled while the last step ran: nothing is proposed.
            transaction.set_rollback(True)
            return
        who = Actor(user=run.created_by) if run.created_by else SYSTEM
        told = {
            "rows": found.rows,
            "holds": found.fitted.certificate.holds,
            "silent": run.silent,
        }
        record_audit(who, run.project, "thresholds.proposed", f"thresholds:{made.pk}", told)


LEASING: Leasing[ThresholdRun] = Leasing(
    rows=lambda: ThresholdRun.objects.select_related("version", "project", "created_by"),
    wake=wake_fitting,
    lost=f"{MOST_ATTEMPTS} workers were lost over this fit. Look into the log of the worker.",
    clear=lambda run: shutil.rmtree(folder_of(run), ignore_errors=True),
)
"""How fits are held."""
