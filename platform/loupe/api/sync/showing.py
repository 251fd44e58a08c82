"""The answer to a batch of rows, as JSON or as an Arrow stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loupe.api.sync.entries import Answer
from loupe.api.sync.explaining import Reasons
from loupe.contract.app import DomainApp
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.reading import ARROW
from loupe.contract.runtime.columns import Columns, to_rows
from loupe.contract.runtime.steps import load


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Rows with their results, or only decisions where a fallback was applied.

    `reasons` are those of some rows, as the answer shows them.
    """

    columns: Columns | None
    decisions: DecisionColumns
    reasons: Reasons = field(default_factory=dict)
    _rows: dict[tuple[str, ...], list[dict[str, Any]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def part(self, first: int, stop: int | None) -> "Decided":
        """Rows `first` to `stop` alone."""
        if first == 0 and stop is None:
            return self
        rows = slice(first, stop)
        count = len(self.decisions.outcome[rows])
        decided = DecisionColumns(
            outcome=self.decisions.outcome[rows],
            score=self.decisions.score[rows],
            label=self.decisions.label[rows],
        )
        return Decided(
            columns=None
            if self.columns is None
            else {name: column[rows] for name, column in self.columns.items()},
            decisions=decided,
            reasons={
                str(row): self.reasons[str(first + row)]
                for row in range(count)
                if str(first + row) in self.reasons
            },
        )

    def rows(self, app: type[DomainApp], left_out: Sequence[str]) -> list[dict[str, Any]]:
        """Each row as JSON has it, without the dictionary fields in `left_out`. Made once: calls of
        one row that were answered together ask for it one by one."""
        known = self._rows.get(tuple(left_out))
        if known is None:
            known = self._rows[tuple(left_out)] = self._as_rows(app, left_out)
        return known

    def _as_rows(self, app: type[DomainApp], left_out: Sequence[str]) -> list[dict[str, Any]]:
        decided = self.decisions
        data: list[dict[str, Any] | None] = (
            [
                _shorter(row, left_out)
                for row in to_rows(_without(self.columns, left_out), app.result_schema)
            ]
            if self.columns is not None
            else [None] * len(decided.outcome)
        )
        return [
            {
                "data": each,
                "decision": {
                    "outcome": outcome,
                    "score": score,
                    "label": label,
                    "reasons": self.reasons.get(str(row), []),
                },
            }
            for row, (each, outcome, score, label) in enumerate(
                zip(
                    data,
                    decided.outcome.tolist(),
                    decided.score.tolist(),
                    decided.label.tolist(),
                    strict=True,
                )
            )
        ]


def formed(
    app: type[DomainApp],
    found: Decided,
    facts: dict[str, Any],
    left_out: Sequence[str],
    *,
    arrow: bool,
    first: int = 0,
    stop: int | None = None,
) -> Answer:
    """The answer about rows `first` to `stop` with everything in `facts`, without the dictionary
    fields in `left_out`."""
    if arrow:
        part = found.part(first, stop)
        columns = None if part.columns is None else _without(part.columns, left_out)
        told = {**facts, "reasons": part.reasons} if part.reasons else facts
        body = load("loupe.api.sync.arrow:encoded")(columns, part.decisions, told)
        return Answer(status=200, body=body, media_type=ARROW)
    rows = found.rows(app, left_out)[first:stop]
    return Answer(status=200, body=msgspec.json.encode({**facts, "rows": rows}))


def _without(columns: Columns, left_out: Sequence[str]) -> Columns:
    starts = tuple(f"{name}." for name in left_out)
    return {name: it for name, it in columns.items() if not name.startswith(starts)}


def _shorter(row: dict[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    for name in left_out:
        row.pop(name, None)
    return row
