"""Rules that get in each other's way: told before they are published, not found out later.

Whether two expressions ever hold together cannot be decided in general, so two kinds of evidence
are used: their form (the same text; one has the other's conditions and more), and a block of past
transactions, if one is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apps.fraud.rules.columns import Block, Mask, holds
from apps.fraud.rules.nodes import And, Node, Or
from apps.fraud.rules.outcomes import OUTCOME_WORDS
from apps.fraud.rules.parsing import parse
from apps.fraud.schema import OUTCOMES, Rule
from loupe.contract.runtime.columns import Columns
from loupe.contract.text import Text

Found = Literal["same", "shadowed", "conflict", "never"]


@dataclass(frozen=True, kw_only=True)
class Warned:
    """One thing worth a look. `by` is the other rule; `rows` how often the block showed it."""

    kind: Found
    key: str
    by: str
    text: Text
    rows: int = 0


def warnings(
    rules: Sequence[Rule], columns: Columns | None = None, timezone: str = "UTC"
) -> list[Warned]:
    """What is odd about the active rules together, in their order.

    Raises:
        RuleRefused: a rule cannot be read.
    """
    active = [rule for rule in rules if rule.active]
    nodes = [parse(rule.when) for rule in active]
    masks = _masks(nodes, columns, timezone)
    found: list[Warned] = []
    for number, (rule, node) in enumerate(zip(active, nodes, strict=True)):
        if masks and not masks[number].any():
            found.append(_never(rule, len(masks[number])))
        for other in range(len(active)):
            if other == number:
                continue
            pair = (masks[number], masks[other]) if masks else None
            warned = _between(rule, active[other], node, nodes[other], pair, number > other)
            if warned is not None:
                found.append(warned)
    return found


def _masks(nodes: Sequence[Node], columns: Columns | None, timezone: str) -> list[Mask]:
    if columns is None:
        return []
    block = Block(columns, timezone)
    return [holds(node, block) for node in nodes]


def _between(
    rule: Rule, other: Rule, node: Node, against: Node, pair: tuple[Mask, Mask] | None, later: bool
) -> Warned | None:
    """What `other` does to `rule`."""
    mine, its = OUTCOMES.index(rule.outcome), OUTCOMES.index(other.outcome)
    if later and node == against:
        return Warned(
            kind="same",
            key=rule.key,
            by=other.key,
            text=Text(
                en=f"{rule.key} has the same condition as {other.key}; the stricter one decides.",
                zh=f"{rule.key} 与 {other.key} 的条件相同；以更严格者为准。",
            ),
        )
    if other.outcome == "approve" and other.wins and rule.outcome != "approve":
        rows = int((pair[0] & pair[1]).sum()) if pair else 0
        if rows or (pair is None and implies(node, against)):
            return _conflict(rule, other, rows)
    if rule.outcome == "approve" or its < mine or node == against:
        return None
    # Where both are equally strict, the earlier of two that hold alike is not the shadowed one.
    if implies(node, against) and (its > mine or later or not implies(against, node)):
        return _shadowed(rule, other, 0)
    covered = pair is not None and pair[0].any() and not np.any(pair[0] & ~pair[1])
    if pair and covered and (its > mine or later or not np.array_equal(*pair)):
        return _shadowed(rule, other, int(pair[0].sum()))
    return None


def implies(first: Node, second: Node) -> bool:
    """Whether the form shows that `second` holds wherever `first` does; False: not shown."""
    if first == second:
        return True
    if isinstance(first, Or):
        return all(implies(item, second) for item in first.items)
    if isinstance(second, And):
        return all(implies(first, item) for item in second.items)
    if isinstance(first, And) and any(implies(item, second) for item in first.items):
        return True
    return isinstance(second, Or) and any(implies(first, item) for item in second.items)


def _never(rule: Rule, rows: int) -> Warned:
    return Warned(
        kind="never",
        key=rule.key,
        by="",
        text=Text(
            en=f"{rule.key} holds in none of {rows:,} transactions.",
            zh=f"{rule.key} 在 {rows:,} 笔交易中从未成立。",
        ),
    )


def _conflict(rule: Rule, other: Rule, rows: int) -> Warned:
    asked = OUTCOME_WORDS[rule.outcome]
    return Warned(
        kind="conflict",
        key=rule.key,
        by=other.key,
        rows=rows,
        text=Text(
            en=f"{other.key} approves what {rule.key} would {asked.en}, and it wins.",
            zh=f"{rule.key} 要求{asked.zh}的交易会被 {other.key} 放行，后者优先。",
        ),
    )


def _shadowed(rule: Rule, other: Rule, rows: int) -> Warned:
    seen_en = f" in all {rows:,} transactions where it holds" if rows else ""
    seen_zh = f"（在其成立的全部 {rows:,} 笔交易中）" if rows else ""
    return Warned(
        kind="shadowed",
        key=rule.key,
        by=other.key,
        rows=rows,
        text=Text(
            en=f"{rule.key} changes nothing: {other.key} is at least as strict{seen_en}.",
            zh=f"{rule.key} 不起作用：{other.key} 至少同样严格{seen_zh}。",
        ),
    )
