"""One look at a rule while somebody writes it: what it says, what it would have done, or what is
wrong with it and where. What a page asks for with every pause in typing."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from apps.fraud.rules.checking import check
from apps.fraud.rules.counting import counts
from apps.fraud.rules.nodes import names
from apps.fraud.rules.refusal import RuleRefused
from apps.fraud.rules.vocabulary import Vocabulary
from apps.fraud.rules.wording import worded
from apps.fraud.rules.writing import written
from apps.fraud.schema import Rule, Strictness
from loupe.contract.runtime.columns import Columns, row_count


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Looked(_Frozen):
    """A rule that was read, or the refusal.

    Attributes:
        at: where the refusal points, from 0; −1 where there is none.
        error_en, error_zh: the refusal.
        text: the canonical text.
        en, zh: what it says.
        reads: the values it reads.
        rows, hits, amount, alone, fraud, honest: see `Count`; of the block that was given.
    """

    at: int = -1
    error_en: str = ""
    error_zh: str = ""
    text: str = ""
    en: str = ""
    zh: str = ""
    reads: tuple[str, ...] = ()
    rows: int = 0
    hits: int = 0
    amount: int = 0
    alone: int = 0
    fraud: int = 0
    honest: int = 0


def look(
    text: str,
    vocabulary: Vocabulary,
    columns: Columns | None = None,
    *,
    outcome: Strictness = "review",
    others: Sequence[Rule] = (),
    timezone: str = "UTC",
    labels: np.ndarray | None = None,
) -> Looked:
    """Read a rule; with a block (yesterday's transactions) count too, beside `others`."""
    try:
        node = check(text, vocabulary)
    except RuleRefused as refused:
        return Looked(at=refused.at, error_en=refused.message, error_zh=refused.zh)
    words = worded(node, vocabulary)
    found = Looked(text=written(node), en=words.en, zh=words.zh, reads=tuple(sorted(names(node))))
    if columns is None:
        return found
    rule = Rule(key="looked_at", when=text, outcome=outcome)
    count = counts([*others, rule], columns, timezone, labels)[-1]
    return found.model_copy(
        update={
            "rows": row_count(columns),
            "hits": count.hits,
            "amount": count.amount,
            "alone": count.alone,
            "fraud": count.fraud,
            "honest": count.honest,
        }
    )
