"""Celery tasks of the app: thin, safe to run twice, under two minutes."""

import uuid

from celery import shared_task
from celery.signals import worker_ready

from apps.fraud.services import (
    backtest_work,
    explanation_work,
    fitting_work,
    ringing,
    shadow_work,
    wakeups,
)
from apps.fraud.services.entity_index import keeping_up

INDEX_TURN_S = 20.0


@shared_task(name=wakeups.BACKTEST)  # type: ignore[untyped-decorator]
def backtest(backtest_id: str) -> None:
    """Go on with a backtest."""
    backtest_work.turn(uuid.UUID(backtest_id))


@shared_task(name=wakeups.SHADOW)  # type: ignore[untyped-decorator]
def shadow(project_id: str) -> None:
    """Shadow what is new in a project."""
    shadow_work.turn(uuid.UUID(project_id))


@shared_task(name=wakeups.EXPLANATION)  # type: ignore[untyped-decorator]
def explanation(explanation_id: str) -> None:
    """Explain a transaction."""
    explanation_work.turn(uuid.UUID(explanation_id))


@shared_task(name=wakeups.FITTING)  # type: ignore[untyped-decorator]
def fitting(run_id: str) -> None:
    """Go on with fitting thresholds."""
    fitting_work.turn(uuid.UUID(run_id))


@shared_task(name=wakeups.RINGS)  # type: ignore[untyped-decorator]
def rings(job_id: str) -> None:
    """Look for rings in what a file brought."""
    ringing.after_file(uuid.UUID(job_id))


@shared_task(name=wakeups.INDEX)  # type: ignore[untyped-decorator]
def index(project_id: str) -> None:
    """Bring the entity index of a project up to date."""
    if keeping_up.work(uuid.UUID(project_id), INDEX_TURN_S):
        wakeups.wake_index(uuid.UUID(project_id))


@shared_task(name=wakeups.RECOVER)  # type: ignore[untyped-decorator]
def recover() -> None:
    """Wake up what nobody works on."""
    backtest_work.recover()
    shadow_work.recover()
    explanation_work.recover()
    fitting_work.recover()
    keeping_up.recover()


@worker_ready.connect  # type: ignore[untyped-decorator]
def recover_at_start(**_: object) -> None:
    """A worker that starts may replace one that was killed."""
    recover.delay()
