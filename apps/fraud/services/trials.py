"""What beat does for backtests and shadow runs: go on where a worker was killed."""

from typing import Any

from apps.fraud.services import backtest_work, explanation_work, fitting_work, shadow_work


def go_on(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``trials``: wake up what nobody works on."""
    told = f"{backtest_work.recover()} backtests and {shadow_work.recover()} shadow runs woken"
    fits, explanations = fitting_work.recover(), explanation_work.recover()
    more = f"; {fits} fits of thresholds and {explanations} explanations too"
    return told + more if fits or explanations else told
