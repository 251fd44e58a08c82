"""Messages that say there is something to do; the database holds what."""

import time
from uuid import UUID

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

BACKTEST = "apps.fraud.backtest"
SHADOW = "apps.fraud.shadow"
EXPLANATION = "apps.fraud.explanation"
FITTING = "apps.fraud.fitting"
RINGS = "apps.fraud.rings"
INDEX = "apps.fraud.index"
RECOVER = "apps.fraud.recover"
INDEX_AFTER_S = 2.0
"""The entity index follows so long behind: what came meanwhile is written together."""
_index_woken: dict[UUID, float] = {}


def wake_backtest(backtest_id: UUID, seconds: float = 0) -> None:
    """Have a worker go on with a backtest, `seconds` after what is being written is committed."""
    transaction.on_commit(lambda: _send(BACKTEST, str(backtest_id), seconds), robust=True)


def wake_shadow(project_id: UUID, seconds: float = 0) -> None:
    """Have a worker shadow what is new in a project."""
    transaction.on_commit(lambda: _send(SHADOW, str(project_id), seconds), robust=True)


def wake_explanation(explanation_id: UUID, seconds: float = 0) -> None:
    """Have a worker explain a transaction."""
    transaction.on_commit(lambda: _send(EXPLANATION, str(explanation_id), seconds), robust=True)


def wake_fitting(run_id: UUID, seconds: float = 0) -> None:
    """Have a worker go on with fitting thresholds."""
    transaction.on_commit(lambda: _send(FITTING, str(run_id), seconds), robust=True)


def wake_rings(job_id: UUID, seconds: float) -> None:
    """Have a worker look for rings once the job of a file has ended."""
    transaction.on_commit(lambda: _send(RINGS, str(job_id), seconds), robust=True)


def wake_index(project_id: UUID) -> None:
    """Have a worker bring the entity index up to date in `INDEX_AFTER_S`; one message tells of all
    that is committed until then."""
    transaction.on_commit(lambda: _wake_index(project_id), robust=True)


def _wake_index(project_id: UUID) -> None:
    now = time.monotonic()
    if now - _index_woken.get(project_id, -INDEX_AFTER_S) >= INDEX_AFTER_S:
        _index_woken[project_id] = now
        _send(INDEX, str(project_id), INDEX_AFTER_S)


def _send(name: str, about: str, seconds: float) -> None:
    try:
        current_app.send_task(name, args=[about], countdown=seconds or None)
    except OperationalError:
        # The broker is away: `recover` finds the row.
        return
