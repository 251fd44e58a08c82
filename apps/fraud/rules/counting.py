"""What rules would have done on a block: the live counts beside a rule while it is edited."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.fraud.rules.columns import Block, Mask, holds
from apps.fraud.rules.parsing import parse
from apps.fraud.schema import OUTCOMES, Rule
from loupe.contract.runtime.columns import Columns


@dataclass(frozen=True, kw_only=True)
class Count:
    """What one rule did.

    Attributes:
        hits: rows in which it holds.
        amount: of these rows, minor units.
        alone: rows in which no other active rule of at least its strictness holds: what would be
            lost without it.
        fraud, honest: of the hits, those whose label is known.
    """

    key: str
    hits: int
    amount: int
    alone: int
    fraud: int = 0
    honest: int = 0


def counts(
    rules: Sequence[Rule],
    columns: Columns,
    timezone: str = "UTC",
    labels: np.ndarray | None = None,
) -> list[Count]:
    """One count a rule, whether it is active or not.

    Args:
        columns: of scored transactions.
        labels: [rows] 1 fraud, 0 honest, −1 not known.

    Raises:
        RuleRefused: a rule cannot be read.
    """
    block = Block(columns, timezone)
    amounts = np.asarray(columns["amount"], dtype=np.int64)
    masks = [holds(parse(rule.when), block) for rule in rules]
    return [
        Count(
            key=rule.key,
            hits=int(mask.sum()),
            amount=int(amounts[mask].sum()),
            alone=int((mask & ~_others(number, rules, masks, block)).sum()),
            fraud=int((labels[mask] == 1).sum()) if labels is not None else 0,
            honest=int((labels[mask] == 0).sum()) if labels is not None else 0,
        )
        for number, (rule, mask) in enumerate(zip(rules, masks, strict=True))
    ]


def _others(number: int, rules: Sequence[Rule], masks: Sequence[Mask], block: Block) -> Mask:
    """Rows that another rule treats at least as strictly."""
    found = block.none()
    rank = OUTCOMES.index(rules[number].outcome)
    for other, (rule, mask) in enumerate(zip(rules, masks, strict=True)):
        if other != number and rule.active and OUTCOMES.index(rule.outcome) >= rank:
            found = found | mask
    return found
