"""Choose cut-offs for a budget on one stretch, certify them on a later one that had no say.

Learn then test (A. Angelopoulos, S. Bates, E. Candès, M. Jordan, L. Lei, 2021) with fixed-sequence
testing. The earlier rows fix a ladder of cut-offs and how far down it the budget seems to hold. The
later rows are asked step by step, the strictest first: "is the rate at most the budget?", each time
by an exact binomial test, and the walk stops at the first no. The chance that the last step reached
breaks its budget is at most δ, whatever the scores look like, because a wrong step can only be
reached through the first wrong one. With two budgets δ is shared.

A certificate speaks of transactions like the later ones, taken as independent. Days that differ by
more than chance show in `spread`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.fraud.schema import Band, OperatingPoint
from apps.fraud.thresholds import bounds, ladder, queue
from apps.fraud.thresholds.asked import (
    Asked,
    BandFound,
    Budget,
    BudgetCertificate,
    BudgetFound,
    BudgetShare,
    Fitted,
)
from apps.fraud.thresholds.ladder import NEVER, Ladder
from apps.fraud.thresholds.rows import DAY, Scored, parted, scored
from loupe.contract.runtime.columns import Columns

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One budget on its ladder: the cut-offs of each band [bands], and what became of it."""

    cuts: Floats
    found: BudgetFound


def fit(
    columns: Columns,
    labels: NDArray[np.int64],
    rules: OperatingPoint,
    asked: Asked,
    certify_from: int | None = None,
) -> Fitted:
    """The operating point that keeps what is asked, with the rules of `rules`.

    A budget that cannot be certified leaves the cut-off that the earlier rows suggest; the
    certificate says so, and how many legitimate rows are missing.

    Args:
        columns: of scored transactions: ``score``, ``amount``, ``event_time``.
        labels: [rows] 1 fraud, 0 honest, −1 not known (left out, and counted).
        certify_from: milliseconds; None: the later half.

    Raises:
        InputRefused: one of the stretches has no legitimate row.
    """
    rows = scored(columns, labels, asked.edges)
    known = rows.only(rows.label >= 0)
    earlier, later, at = parted(known, certify_from)
    sides = {one.outcome: _side(one, asked, earlier, later) for one in asked.budgets}
    bands = len(asked.edges) + 1
    never = np.full(bands, NEVER)
    block = sides["block"].cuts if "block" in sides else never
    step_up = sides["step_up"].cuts if "step_up" in sides else block
    review, told = block, None
    if asked.queue_per_day:
        # A queue serves all transactions, also those whose label never comes.
        before, after = rows.only(rows.time < at), rows.only(rows.time >= at)
        review = queue.cut_offs(before, block, asked.queue_per_day)
        told = queue.found(after, block, review, asked.queue_per_day)
    point = _point(rules, asked, step_up, review, block)
    return Fitted(
        point=point,
        certificate=BudgetCertificate(
            asked=asked,
            holds=all(side.found.holds for side in sides.values()),
            found=tuple(sides[one.outcome].found for one in asked.budgets),
            queue=told,
            bands=_bands(later, asked.edges, block, np.minimum(step_up, review)),
            chosen_until=at,
            certified_from=at,
            unknown=len(rows.label) - len(known.label),
        ),
    )


def _side(budget: Budget, asked: Asked, earlier: Scored, later: Scored) -> _Side:
    bands = len(asked.edges) + 1
    if asked.allocate == "money":
        steps = ladder.money(earlier.honest, earlier.fraud, bands, budget.at_most)
    else:
        steps = ladder.even(earlier.honest, bands, budget.at_most)
    choosing, certifying = earlier.honest, later.honest
    chosen, certified = steps.hits(choosing), steps.hits(certifying)
    wanted = _reach(chosen <= budget.at_most * len(choosing.score))
    allowed = bounds.most_hits(len(certifying.score), budget.at_most, asked.delta)
    safe = _reach(certified <= allowed)
    step = wanted if safe < 0 else min(wanted, safe)
    holds = safe >= 0
    cuts = steps.cuts[step]
    share = _share(int(certified[step]), len(certifying.score), asked.confidence)
    needed = bounds.rows_to_measure(budget.at_most, asked.within, asked.confidence)
    return _Side(
        cuts=cuts,
        found=BudgetFound(
            budget=budget,
            holds=holds,
            chosen_on=_share(int(chosen[step]), len(choosing.score), asked.confidence),
            certified_on=share,
            missing=0 if holds else _missing(budget, asked.delta, steps, earlier, later),
            missing_to_measure=max(0, needed - len(certifying.score)),
            spread=bounds.spread(_by_day(certifying, cuts)),
        ),
    )


def _reach(holds: NDArray[np.bool_]) -> int:
    """The last step that is reached while it holds; −1: not even the first."""
    return len(holds) - 1 if holds.all() else int(np.argmin(holds)) - 1


def _missing(
    budget: Budget, delta: float, steps: Ladder, earlier: Scored, later: Scored
) -> int | None:
    """How many more legitimate rows, at least, a certificate of the strictest step takes: if false
    positives stay as frequent as in all rows."""
    everybody = len(earlier.honest.score) + len(later.honest.score)
    hits = int(steps.hits(earlier.honest)[0] + steps.hits(later.honest)[0])
    needed = bounds.rows_needed(hits / everybody, budget.at_most, delta)
    if needed is None:
        return None
    return max(1, needed - len(later.honest.score))


def _share(hits: int, rows: int, confidence: float) -> BudgetShare:
    found = bounds.rate(hits, rows, confidence)
    return BudgetShare(hits=hits, rows=rows, value=found.value, low=found.low, high=found.high)


def _by_day(rows: Scored, cuts: Floats) -> NDArray[np.int64]:
    """Rows that reach their cut-off on each day from the first to the last."""
    days = rows.time // DAY
    hit = rows.score >= cuts[rows.band]
    return np.bincount(days[hit] - days.min(), minlength=int(np.ptp(days)) + 1)


def _bands(
    rows: Scored, edges: tuple[int, ...], block: Floats, mildest: Floats
) -> tuple[BandFound, ...]:
    found = []
    for band, start in enumerate((0, *edges)):
        honest, fraud = (one.only(one.band == band) for one in (rows.honest, rows.fraud))
        caught = fraud.score >= mildest[band]
        found.append(
            BandFound(
                from_amount=start,
                honest=len(honest.score),
                blocked_honest=int((honest.score >= block[band]).sum()),
                fraud=len(fraud.score),
                caught=int(caught.sum()),
                fraud_amount=int(fraud.amount.sum()),
                caught_amount=int(fraud.amount[caught].sum()),
            )
        )
    return tuple(found)


def _point(
    rules: OperatingPoint, asked: Asked, step_up: Floats, review: Floats, block: Floats
) -> OperatingPoint:
    bands = tuple(
        Band(
            from_amount=start,
            step_up=float(step_up[band]),
            review=float(review[band]),
            block=float(block[band]),
        )
        for band, start in enumerate((0, *asked.edges))
    )
    return rules.model_copy(update={"bands": bands, "queue_per_day": asked.queue_per_day})
