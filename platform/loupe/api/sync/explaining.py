"""Why rows were decided as they were, for the rows of a synchronous answer that ask for it."""

from typing import Any, TypeAlias

import numpy as np
from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.extras import SyncMode
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import Columns, to_rows

MOST = 100
"""Rows of one answer that are explained; the others are by their result's own address."""

Reasons: TypeAlias = dict[str, list[dict[str, Any]]]
"""By the number of the row, as text: it is kept as JSON."""


def explained(
    app: type[DomainApp],
    mode: SyncMode,
    columns: Columns,
    decisions: DecisionColumns,
    settings: BaseModel,
) -> Reasons:
    """The reasons of the first `MOST` rows whose outcome is one the mode explains."""
    if not mode.reasons_for:
        return {}
    chosen = np.flatnonzero(np.isin(decisions.outcome, mode.reasons_for))[:MOST]
    if not len(chosen):
        return {}
    part = {name: column[chosen] for name, column in columns.items()}
    return {
        str(number): [
            reason.model_dump() for reason in app.decide(app.result_schema(**row), settings).reasons
        ]
        for number, row in zip(chosen.tolist(), to_rows(part, app.result_schema), strict=True)
    }
