"""What beat does for backtests and shadow runs: go on where a worker was killed."""

from typing import Any

from apps.fraud.services import backtest_work, explanation_work, shadow_work


def go_on(project_id: str, options: dict[str, Any]) -> str:
    """The schedule ``trials``: wake up what nobody works on."""
    told = f"{backtest_work.recover()} backtests and {shadow_work.recover()} shadow runs woken"
    more = explanation_work.recover()
    return f"{told}; {more} explanations too" if more else told
