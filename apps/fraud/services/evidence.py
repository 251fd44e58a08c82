"""The figures of a backtest and a shadow run, as they are frozen with a request to publish."""

from typing import Any

from apps.fraud.models import Backtest, Shadow
from apps.fraud.operating.compare import Comparison
from apps.fraud.services import shadows


def told(backtest: Backtest | None, shadow: Shadow | None) -> dict[str, Any]:
    """Plain JSON; money in minor units of ``currency``."""
    found: dict[str, Any] = {}
    if backtest is not None and backtest.result is not None:
        result = Comparison.model_validate(backtest.result)
        found["backtest"] = {
            "id": str(backtest.pk),
            "rows": result.challenger.total.transactions,
            "days": result.days,
            "currency": backtest.currency,
            "assumed": backtest.assumed,
            "differences": [one.model_dump(mode="json") for one in result.differences],
        }
    if shadow is not None:
        money = shadows.money(shadow)
        found["shadow"] = {
            "id": shadow.pk,
            "rows": shadow.rows,
            "same": shadow.same,
            "skipped": shadow.skipped,
            "matrix": shadow.matrix,
            "labelled": money.labelled,
            "stopped": money.stopped,
            "honest": money.honest,
        }
    return found
