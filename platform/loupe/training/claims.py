"""Leases of runs: who works on what, and what becomes of a run whose trainer died.

Every change of a claimed run names its token, so that a trainer which lost its lease, or whose run
was cancelled, changes nothing any more.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from loupe.accounts.policy import SYSTEM
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.training.models import Run, RunMetrics, RunState

_FREE: Mapping[str, None] = {"lease_token": None, "lease_until": None}


def claim(device: str) -> Run | None:
    """Take the run that has waited longest, for `device`; None where nothing waits."""
    now = timezone.now()
    due = Run.objects.filter(Q(not_before=None) | Q(not_before__lte=now), state=RunState.QUEUED)
    for run_id in due.order_by("created_at").values_list("pk", flat=True)[:5]:
        found = claim_one(run_id, device)
        if found is not None:
            return found
    return None


def claim_one(run_id: uuid.UUID, device: str) -> Run | None:
    """Take this run for `device`; None where it does not wait any more."""
    now = timezone.now()
    taken = Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        lease_token=uuid.uuid4(),
        lease_until=now + timedelta(seconds=settings.LEASE_SECONDS),
        attempts=F("attempts") + 1,
        device=device,
        not_before=None,
        note="",
        log="",
    )
    if not taken:
        return None
    Run.objects.filter(pk=run_id, started_at=None).update(started_at=now)
    return Run.objects.select_related(
        "project", "dataset_version__dataset", "base__model__project", "created_by"
    ).get(pk=run_id)


def held(run: Run) -> "Any":
    """The run's row as long as the lease is ours."""
    return Run.objects.filter(pk=run.pk, state=RunState.RUNNING, lease_token=run.lease_token)


def renew(run: Run, **said: object) -> bool:
    """Extend the lease and write what the child said; False: the run is no longer ours."""
    until = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    return bool(held(run).update(lease_until=until, **said))


def keep(run: Run, figures: Mapping[int, Mapping[str, Any]]) -> None:
    """Write figures by step; a step that is told again, after a kill, has its later figures. A run
    that got further is forgiven what it lost before."""
    now = timezone.now()
    if not figures:
        return
    with transaction.atomic():
        further = RunMetrics.objects.filter(run=run).aggregate(last=Max("step"))["last"] or 0
        forgiven = {"losses": 0} if max(figures) > further else {"note": F("note")}
        if not held(run).update(**forgiven):
            return
        RunMetrics.objects.bulk_create(
            [
                RunMetrics(run=run, step=step, values=dict(said), at=now)
                for step, said in figures.items()
            ],
            update_conflicts=True,
            unique_fields=["run", "step"],
            update_fields=["values", "at"],
        )


def hand_back(run: Run) -> None:
    """Queue it again, unblamed: the trainer is being stopped."""
    held(run).update(state=RunState.QUEUED, attempts=F("attempts") - 1, **_FREE)


def postpone(run: Run, seconds: float, why: str) -> None:
    """Queue it again for later, because something is missing for the moment."""
    held(run).update(
        state=RunState.QUEUED,
        not_before=timezone.now() + timedelta(seconds=seconds),
        note=why[:200],
        attempts=F("attempts") - 1,
        **_FREE,
    )


def fail(run: Run, code: str, message: str) -> None:
    """End it with an error; its checkpoint stays for `resume`."""
    with transaction.atomic():
        if held(run).update(
            state=RunState.FAILED,
            error_code=code[:50],
            error=message,
            ended_at=timezone.now(),
            **_FREE,
        ):
            tell_end(run, RunState.FAILED, code=code)


def lose(run: Run) -> None:
    """Its child died without a word: queue it again, or fail it after too many deaths."""
    _lose(held(run))


def recover() -> None:
    """Take back runs whose trainer stopped renewing the lease."""
    _lose(Run.objects.filter(state=RunState.RUNNING, lease_until__lt=timezone.now()))


def _lose(rows: "Any") -> None:
    with transaction.atomic():
        lost = list(
            rows.select_for_update(of=("self",)).select_related(
                "project", "dataset_version__dataset"
            )
        )
        for run in lost:
            if run.losses + 1 < settings.MAX_ATTEMPTS:
                held(run).update(state=RunState.QUEUED, losses=F("losses") + 1, **_FREE)
                continue
            held(run).update(losses=F("losses") + 1)
            fail(
                run,
                "worker_lost",
                f"The process of this run died {settings.MAX_ATTEMPTS} times without getting any "
                "further, most likely for want of memory. Choose a smaller batch or model, then "
                "start it again; or resume it when the machine has more room.",
            )


def tell_end(run: Run, state: RunState, **more: object) -> None:
    """Write into feed and audit log how a run ended; call it last in the transaction."""
    facts = {
        "app": run.app,
        "kind": run.kind,
        "model": run.model_name,
        "dataset": str(run.dataset_version),
        "state": state.value,
        **more,
    }
    record(SYSTEM, run.project, "training.ended", f"training:{run.pk}", facts)
    publish(run.project, Kind.TRAINING_ENDED, run.pk, facts)
