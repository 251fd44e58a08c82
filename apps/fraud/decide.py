"""Approve, step up, review or block: a pure function of a scored transaction and the point.

The score asks for the strictest outcome whose cut-off it reaches in the band of its amount. Each
active rule that holds asks for its outcome. The strictest of all that is asked for is the outcome,
with two exceptions that someone wrote down: a rule that approves sets aside what the score asks
(an allow list), and one that also `wins` sets aside the other rules too.

A score that is not a number is never approved for being low: a person looks at it.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from apps.fraud.explaining.words import group_of, sentence
from apps.fraud.money import shown
from apps.fraud.refusals import WORDS
from apps.fraud.rules.columns import Block, BlockRow, holds, shared
from apps.fraud.rules.nodes import Node
from apps.fraud.rules.outcomes import OUTCOME_WORDS
from apps.fraud.rules.parsing import parse
from apps.fraud.rules.row import Condition, Row, condition
from apps.fraud.schema import OUTCOMES, Band, OperatingPoint, Rule, ScoredTransaction
from apps.fraud.thresholds.control import lot, lots
from loupe.contract.outcomes import DecisionColumns, DecisionDraft, Reason
from loupe.contract.runtime.columns import Columns

APPROVE, STEP_UP, REVIEW, BLOCK = range(4)
CONTROL = "control_group"
BELOW, NO_SCORE = "below_cut_offs", "score_missing"
REFUSED = "refused."
"""Before the code of what was not taken: nothing was decided about it, so a person looks."""
BY_SCORE = (BELOW, "score_step_up", "score_review", "score_block")
"""The code of what the score asks for, from the mildest to the strictest."""
FEW = 2
"""Rows of a block up to which rules run row by row."""
RULE = "rule."
"""Before a rule's key in the code of its reason."""
# What leads, leads: weights fall from the decisive reasons to the features behind the score.
_DRAWN, _WON, _ALLOWED = 9.0, 8.0, 7.0


@dataclass(frozen=True)
class _Asked:
    """What the rules ask of one transaction, indices into the active rules; −1: none does."""

    strictest: int = APPROVE
    leading: int = -1
    allowing: int = -1
    winning: int = -1


def decide(result: ScoredTransaction, point: OperatingPoint) -> DecisionDraft:
    """The outcome with its reasons, strongest first."""
    if result.refused:
        return _refused(result)
    row = Row(result, point.scheme.timezone)
    held = [one.rule for one in compiled(point.rules) if one.condition(row) is True]
    band = _band(result.amount, point)
    by_score = _by_score(result.score, band)
    asked = _asked(held)
    outcome = _outcome(by_score, asked)
    drawn = (
        outcome == BLOCK
        and asked.strictest < BLOCK
        and point.control_share > 0
        and result.amount <= point.control_cap
        and lot(result.id.rstrip("\0"), point.control_key) < point.control_share
    )
    reasons = _reasons(result, point, band, by_score, asked, held)
    if drawn:
        outcome, reasons = APPROVE, [_control(point), *reasons]
    return DecisionDraft(
        outcome=OUTCOMES[outcome],
        score=outcome + _between(result.score),
        label=reasons[0].code,
        reasons=tuple(reasons),
    )


def decide_columns(columns: Columns, point: OperatingPoint) -> DecisionColumns:
    """The same for every row of a block."""
    block = Block(columns, point.scheme.timezone)
    scores = np.asarray(columns["score"], dtype=np.float64)
    amounts = np.asarray(columns["amount"], dtype=np.int64)
    by_score = _scores_ask(scores, amounts, point)
    codes = [*BY_SCORE, NO_SCORE, CONTROL]
    label = np.where(np.isnan(scores), len(BY_SCORE), by_score)
    strictest, leading, allowing, winning = (
        np.full(block.rows, start, dtype=np.int64) for start in (APPROVE, -1, -1, -1)
    )
    for number, one in enumerate(compiled(point.rules)):
        rule = one.rule
        codes.append(RULE + rule.key)
        mask = _mask(one, block)
        if not mask.any():
            continue
        rank = OUTCOMES.index(rule.outcome)
        if rank == APPROVE:
            allowing[mask & (allowing < 0)] = number
            if rule.wins:
                winning[mask & (winning < 0)] = number
        else:
            first = mask & (strictest < rank)
            strictest[first], leading[first] = rank, number
    offset = len(BY_SCORE) + 2
    allowed, won = allowing >= 0, winning >= 0
    outcome = np.maximum(np.where(allowed, APPROVE, by_score), strictest)
    by_rule = (leading >= 0) & (strictest >= by_score)
    label = np.where(by_rule, leading + offset, label)
    label = np.where(allowed, np.where(leading >= 0, leading, allowing) + offset, label)
    outcome, label = np.where(won, APPROVE, outcome), np.where(won, winning + offset, label)
    if point.control_share > 0:
        may = (outcome == BLOCK) & (strictest < BLOCK) & (amounts <= point.control_cap)
        rows = np.flatnonzero(may)
        drawn = lots(columns["id"][rows].tolist(), point.control_key) < point.control_share
        outcome[rows[drawn]], label[rows[drawn]] = APPROVE, codes.index(CONTROL)
    between = np.clip(np.where(np.isnan(scores), 0.0, scores), 0.0, 1.0)
    labels, ranks = np.array(codes)[label], outcome + between
    refused = np.asarray(columns.get("refused", np.zeros(block.rows, "U1")))
    if (gone := refused != "").any():
        outcome, ranks = np.where(gone, REVIEW, outcome), np.where(gone, REVIEW, ranks)
        labels = np.where(gone, np.char.add(REFUSED, refused), labels)
    return DecisionColumns(outcome=np.array(OUTCOMES)[outcome], score=ranks, label=labels)


@dataclass(frozen=True)
class Compiled:
    """An active rule, ready for blocks and for single transactions."""

    rule: Rule
    node: Node
    condition: Condition


@lru_cache(maxsize=64)
def compiled(rules: tuple[Rule, ...]) -> tuple[Compiled, ...]:
    """The active rules in their order."""
    active = [rule for rule in rules if rule.active]
    nodes = shared(parse(rule.when) for rule in active)
    return tuple(
        Compiled(rule, node, condition(node)) for rule, node in zip(active, nodes, strict=True)
    )


def _mask(one: Compiled, block: Block) -> NDArray[np.bool_]:
    """The rows in which a rule holds; for a few rows arrays cost more than they save."""
    if block.rows > FEW:
        return holds(one.node, block)
    held = [one.condition(BlockRow(block, at)) is True for at in range(block.rows)]
    return np.array(held, dtype=bool)


def _refused(result: ScoredTransaction) -> DecisionDraft:
    words = WORDS[result.refused]
    reason = Reason(
        code=REFUSED + result.refused,
        en=f"It was not taken: it {words.en}.",
        zh=f"未被接收：{words.zh}。",
        weight=REVIEW,
    )
    return DecisionDraft(
        outcome=OUTCOMES[REVIEW], score=REVIEW, label=reason.code, reasons=(reason,)
    )


def _band(amount: int, point: OperatingPoint) -> Band:
    """The last band that starts at or below the amount; the first for what is below all."""
    found = point.bands[0]
    for band in point.bands[1:]:
        if amount >= band.from_amount:
            found = band
    return found


def _by_score(score: float, band: Band) -> int:
    if math.isnan(score):
        return REVIEW
    cuts = ((BLOCK, band.block), (REVIEW, band.review), (STEP_UP, band.step_up))
    return next((outcome for outcome, cut in cuts if score >= cut), APPROVE)


def _scores_ask(
    scores: NDArray[np.float64], amounts: NDArray[np.int64], point: OperatingPoint
) -> NDArray[np.int64]:
    """What the score of each row asks for."""
    starts = [band.from_amount for band in point.bands[1:]]
    which = np.searchsorted(starts, amounts, side="right")
    cuts = np.array([(band.step_up, band.review, band.block) for band in point.bands])[which]
    reached = scores[:, None] >= cuts
    asked = np.where(reached, np.array([STEP_UP, REVIEW, BLOCK]), APPROVE).max(axis=1)
    return np.where(np.isnan(scores), REVIEW, asked)


def _asked(held: list[Rule]) -> _Asked:
    """The first of the strictest rules leads."""
    strictest, leading, allowing, winning = APPROVE, -1, -1, -1
    for number, rule in enumerate(held):
        rank = OUTCOMES.index(rule.outcome)
        if rank == APPROVE:
            allowing = number if allowing < 0 else allowing
            winning = number if winning < 0 and rule.wins else winning
        elif rank > strictest:
            strictest, leading = rank, number
    return _Asked(strictest, leading, allowing, winning)


def _outcome(by_score: int, asked: _Asked) -> int:
    if asked.winning >= 0:
        return APPROVE
    return max(APPROVE if asked.allowing >= 0 else by_score, asked.strictest)


def _between(score: float) -> float:
    return 0.0 if math.isnan(score) else min(max(score, 0.0), 1.0)


def _reasons(
    result: ScoredTransaction,
    point: OperatingPoint,
    band: Band,
    by_score: int,
    asked: _Asked,
    held: list[Rule],
) -> list[Reason]:
    """Rules and score by how strict they are, an approval that decides first; then features."""
    found = [_of_score(result, point, band, by_score)]
    for number, rule in enumerate(held):
        rank = OUTCOMES.index(rule.outcome)
        weight = rank + 0.999  # stands above the score where both ask the same
        if number == asked.winning:
            weight = _WON
        elif number == asked.allowing and asked.winning < 0 and asked.leading < 0:
            weight = _ALLOWED
        elif rank == APPROVE:
            weight = 0.95
        elif number == asked.leading and asked.allowing >= 0:
            weight = 6.0 + rank / 10  # the score was set aside, so this rule decides
        found.append(_of_rule(rule, weight))
    found.extend(_of_features(result, point))
    return sorted(found, key=lambda one: one.weight, reverse=True)


def _control(point: OperatingPoint) -> Reason:
    share = f"{100 * point.control_share:.3g} %"
    return Reason(
        code=CONTROL,
        en=f"Let through by lot: {share} of what the score blocks, up to "
        f"{shown(point.control_cap, point.scheme.currency)}, shows what blocking prevents.",
        zh=f"抽签放行：得分拦截的交易中有 {share}（金额不超过 "
        f"{shown(point.control_cap, point.scheme.currency)}）用于检验拦截的效果。",
        weight=_DRAWN,
    )


def _of_score(
    result: ScoredTransaction, point: OperatingPoint, band: Band, by_score: int
) -> Reason:
    if math.isnan(result.score):
        return Reason(
            code=NO_SCORE,
            en="The model gave no score, so a person looks at it.",
            zh="模型没有给出得分，需要人工查看。",
            weight=REVIEW + 0.5,
        )
    starts = [one.from_amount for one in point.bands]
    several = len(starts) > 1
    start = shown(band.from_amount, point.scheme.currency)
    about_en = f" for amounts from {start}" if several else ""
    about_zh = f"（金额 {start} 起）" if several else ""
    if by_score == APPROVE:
        cuts = {STEP_UP: band.step_up, REVIEW: band.review, BLOCK: band.block}
        mildest = min(cuts, key=lambda one: cuts[one])
        words = OUTCOME_WORDS[OUTCOMES[mildest]]
        return Reason(
            code=BELOW,
            en=f"Score {result.score:.4f} is below every cut-off{about_en}; the lowest is "
            f"{cuts[mildest]:.4f} ({words.en}).",
            zh=f"得分 {result.score:.4f} 低于所有阈值{about_zh}；最低为 {cuts[mildest]:.4f}"
            f"（{words.zh}）。",
            weight=0.99,
        )
    cut = (0.0, band.step_up, band.review, band.block)[by_score]
    words = OUTCOME_WORDS[OUTCOMES[by_score]]
    return Reason(
        code=BY_SCORE[by_score],
        en=f"Score {result.score:.4f} reaches the cut-off {cut:.4f} to {words.en}{about_en}.",
        zh=f"得分 {result.score:.4f} 达到阈值 {cut:.4f}（{words.zh}）{about_zh}。",
        weight=by_score + 0.5,
    )


def _of_rule(rule: Rule, weight: float) -> Reason:
    words = OUTCOME_WORDS[rule.outcome]
    return Reason(
        code=RULE + rule.key,
        en=f"Rule {rule.key} ({words.en}): {rule.en or rule.when}",
        zh=f"规则 {rule.key}（{words.zh}）：{rule.zh or rule.when}",
        weight=weight,
    )


def _of_features(result: ScoredTransaction, point: OperatingPoint) -> list[Reason]:
    """What raised the score, as it was found when the transaction was scored."""
    found = []
    for key, name in result.reasons.items():
        weight = result.weights.get(key, 0.0)
        if not name or not weight > 0:
            continue
        words = sentence(name, result.features, point.scheme)
        found.append(
            Reason(
                code=group_of(name),
                en=words.en,
                zh=words.zh,
                weight=0.9 * weight / (1 + weight),
            )
        )
    return found
