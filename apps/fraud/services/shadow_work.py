"""A worker's turn at a shadow run: decide once more what production has decided since.

It reads stored blocks, behind production's answers and in a process of its own: no outcome waits
for it or is changed by it, and what fails is counted and left behind.
"""

import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from apps.fraud.models import Shadow, ShadowBlock, ShadowDifference
from apps.fraud.schema import OperatingPoint
from apps.fraud.services.deciding_again import Program, deciding
from apps.fraud.services.naming import LONGEST_TRANSACTION, storable
from apps.fraud.services.wakeups import wake_shadow
from loupe.contract.blocks import ROW_BITS
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.host import blocks
from loupe.host.blobs import store_bytes
from loupe.host.results import insert

TURN_S = 45.0
AGAIN_S = 30.0
"""Between two turns while the run goes on."""
AT_ONCE = 500
PARQUET = "application/vnd.apache.parquet"


def turn(project_id: uuid.UUID) -> int:
    """Shadow the blocks that came since; returns how many were dealt with."""
    shadow = _claimed(project_id)
    if shadow is None:
        return 0
    try:
        waiting = blocks.blocks_of("fraud", project_id, after=shadow.cursor, most=AT_ONCE)
        count = _work(shadow, waiting) if waiting else 0
    finally:
        rows = Shadow.objects.filter(pk=shadow.pk, lease_token=shadow.lease_token)
        rows.update(lease_token=None, lease_until=None, worked_at=timezone.now())
    wake_shadow(project_id, 0 if waiting and count < len(waiting) else AGAIN_S)
    return count


def recover() -> int:
    """Wake up runs that nobody has looked after for a while."""
    quiet = timezone.now() - timedelta(seconds=3 * AGAIN_S)
    rows = Shadow.objects.filter(ended_at=None)
    idle = rows.filter(models.Q(worked_at=None) | models.Q(worked_at__lt=quiet))
    found = list(idle.values_list("project_id", flat=True))
    for project_id in found:
        wake_shadow(project_id)
    return len(found)


def _claimed(project_id: uuid.UUID) -> Shadow | None:
    now = timezone.now()
    rows = Shadow.objects.filter(project=project_id, ended_at=None)
    free = rows.filter(models.Q(lease_until=None) | models.Q(lease_until__lt=now))
    taken = free.update(lease_token=uuid.uuid4(), lease_until=now + _lease())
    return rows.select_related("version__model__project").first() if taken else None


def _work(shadow: Shadow, waiting: list[blocks.Block]) -> int:
    until = time.monotonic() + TURN_S
    point = OperatingPoint.model_validate(shadow.point)
    count = 0
    try:
        with (
            tempfile.TemporaryDirectory(prefix="loupe-shadow-") as folder,
            deciding(shadow.version, point) as program,
        ):
            for block in waiting:
                if time.monotonic() > until or not _one(shadow, program, block, Path(folder)):
                    break
                count += 1
    except LoupeError as error:
        # The child died: the block it was at is left behind, so that the run goes on after it.
        _skip(shadow, waiting[count].id, error)
        count += 1
    return count


def _one(shadow: Shadow, program: Program, block: blocks.Block, folder: Path) -> bool:
    """Deal with one block; False: the run has ended, or somebody else has it."""
    out = folder / "decided.parquet"
    with blocks.opened("fraud", shadow.project_id, block.id) as path:
        if path is None:
            return _moved(shadow, block.id)
        try:
            told = program.ask(
                "shadow", path=str(path), version=block.model_version_id, out=str(out)
            )
        except InputRefused as error:
            return _skip(shadow, block.id, error)
    kept = store_bytes(out.read_bytes(), PARQUET)
    with transaction.atomic():
        now = Shadow.objects.select_for_update().filter(pk=shadow.pk).get()
        if now.lease_token != shadow.lease_token or now.ended_at is not None:
            return False
        ShadowBlock.objects.create(
            shadow=shadow, block=block.id, blob=kept, rows=told["rows"], same=told["same"]
        )
        insert(_difference(shadow, block.id, one) for one in told["listed"])
        matrix = dict(now.matrix)
        for key, (rows, amount) in told["matrix"].items():
            before = matrix.get(key, [0, 0])
            matrix[key] = [before[0] + rows, before[1] + amount]
        now.matrix, now.cursor = matrix, block.id
        now.rows += told["rows"]
        now.same += told["same"]
        now.worked_at, now.lease_until = timezone.now(), timezone.now() + _lease()
        now.save(update_fields=["matrix", "cursor", "rows", "same", "worked_at", "lease_until"])
    return True


def _difference(shadow: Shadow, block: int, told: dict[str, Any]) -> ShadowDifference:
    row = told.pop("row")
    name = storable(told.pop("transaction"), LONGEST_TRANSACTION)
    return ShadowDifference(shadow=shadow, result=block << ROW_BITS | row, transaction=name, **told)


def _skip(shadow: Shadow, block: int, error: LoupeError) -> bool:
    """Leave a block behind, and say why."""
    return _moved(
        shadow,
        block,
        skipped=models.F("skipped") + 1,
        error_code=error.code[:50],
        error=error.message,
    )


def _moved(shadow: Shadow, block: int, **told: Any) -> bool:
    rows = Shadow.objects.filter(pk=shadow.pk, lease_token=shadow.lease_token, ended_at=None)
    changed = rows.update(
        cursor=block, worked_at=timezone.now(), lease_until=timezone.now() + _lease(), **told
    )
    return bool(changed)


def _lease() -> timedelta:
    return timedelta(seconds=max(settings.LEASE_SECONDS, 10))
