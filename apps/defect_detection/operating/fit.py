"""Choose thresholds for a promise, then certify them on parts that had no say in the choice.

Learn then test (A. Angelopoulos, S. Bates, E. Candès, M. Jordan, L. Lei, 2021) with fixed-sequence
testing. The choosing parts fix a ladder of thresholds and how far up it the limit seems to hold.
The certifying parts are then asked rung by rung, the safest first: "is the rate at most the
limit?", each time by an exact binomial test at level δ, and the walk stops at the first no. The
chance that the last rung reached breaks its limit is at most δ, whatever the scores look like,
because a wrong rung can only be reached through the first wrong one. With several limits δ is
shared among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.operating import bounds, ladder, losses
from apps.defect_detection.operating.boxes import IGNORED, MINOR, Floats
from apps.defect_detection.operating.certificate import Certificate, LimitFound, Share, Source
from apps.defect_detection.operating.ladder import Ladder
from apps.defect_detection.operating.limits import Kind, Limit, Promise
from apps.defect_detection.operating.losses import Weighed, weighed
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.operating.splitting import certifying
from apps.defect_detection.schema import ClassRule, OperatingPoint
from loupe.contract.runtime.errors import InputRefused


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A proposal: `point` has the rules it was given and thresholds of its own."""

    point: OperatingPoint
    certificate: Certificate


@dataclass(frozen=True, kw_only=True)
class _Side:
    """All limits of one kind on their ladder, and the rung that was reached."""

    ladder: Ladder
    rung: int
    found: tuple[LimitFound, ...]


def fit(
    predictions: Predictions,
    rules: OperatingPoint,
    promise: Promise,
    source: Source | None = None,
) -> Fitted:
    """The point that keeps `promise`, with `rules`' severities and sizes.

    A limit on escapes says where people are asked from, a limit on overkill where parts fail; with
    both, people look at what lies between. A limit that cannot be certified leaves the threshold
    that the choosing parts suggest, and the certificate says so and what is missing.

    Raises:
        InputRefused: a class that a limit names does not exist, or no picture was held out.
    """
    held_out = predictions.held_out()
    if not held_out.names:
        raise InputRefused(
            "Every picture of this evaluation belongs to a part the model was trained on. Evaluate "
            "it on a dataset with a validation or test split.",
            code="nothing_held_out",
        )
    for limit in promise.limits:
        if limit.label and limit.label not in held_out.classes:
            raise InputRefused(
                f"There is no class {limit.label!r}; the classes are: "
                f"{', '.join(held_out.classes)}.",
                code="class_unknown",
            )
    found = weighed(held_out, rules)
    asks = certifying(held_out, found.worst > IGNORED)
    sides = {
        kind: _side(found, promise, kind, asks)
        for kind in ("escape", "overkill")
        if any(limit.kind == kind for limit in promise.limits)
    }
    outcome = {one.limit: one for side in sides.values() for one in side.found}
    results = tuple(outcome[limit] for limit in promise.limits)
    review, threshold = _thresholds(sides.get("escape"), sides.get("overkill"))
    return Fitted(
        point=_point(rules, held_out.classes, review, threshold, promise.by_class),
        certificate=Certificate(
            promise=promise,
            holds=all(one.holds for one in results),
            found=results,
            source=source or Source(),
        ),
    )


def _side(found: Weighed, promise: Promise, kind: Kind, asks: NDArray[np.bool_]) -> _Side:
    limits = [limit for limit in promise.limits if limit.kind == kind]
    steps = (
        _class_ladder(found, limits, kind, ~asks)
        if promise.by_class
        else ladder.common(len(found.predictions.classes))
    )
    length = len(steps)
    reached, outcomes = [], []
    for limit in limits:
        level = (
            losses.caught(found, steps, promise.count, limit)
            if kind == "escape"
            else losses.failed(found, steps, limit)
        )
        about = found.about(limit)
        chosen_by, certified_by = level[about & ~asks], level[about & asks]
        chosen = losses.losses(chosen_by, kind, length)
        certified = losses.losses(certified_by, kind, length)
        wanted = _reach(chosen <= limit.at_most * len(chosen_by), kind)
        if wanted is None:
            wanted = _first(kind, length)
        allowed = bounds.most_losses(len(certified_by), limit.at_most, promise.delta)
        safe = _reach(certified <= allowed, kind)
        certain = None if safe is None else _safer(wanted, safe, kind)
        reached.append(wanted if certain is None else certain)
        outcomes.append((limit, certain, chosen, certified, chosen_by, certified_by))
    rung = min(reached) if kind == "escape" else max(reached)
    return _Side(
        ladder=steps,
        rung=rung,
        found=tuple(
            LimitFound(
                limit=limit,
                holds=certain is not None,
                chosen_on=_share(chosen[rung], len(chosen_by), promise.confidence),
                certified_on=_share(certified[rung], len(certified_by), promise.confidence),
                missing=0
                if certain is not None
                else _missing(limit, kind, promise.delta, chosen_by, certified_by, length),
            )
            for limit, certain, chosen, certified, chosen_by, certified_by in outcomes
        ),
    )


def _class_ladder(
    found: Weighed, limits: Sequence[Limit], kind: Kind, chooses: NDArray[np.bool_]
) -> Ladder:
    """A ladder by the scores of the choosing parts the limits are about."""
    counts = found.boxes > (IGNORED if kind == "escape" else MINOR)
    boxes = found.predictions.boxes.where(counts)
    part = found.box_part[counts]
    worst = found.worst > IGNORED if kind == "escape" else found.worst == IGNORED
    about = chooses & worst
    classes = range(len(found.predictions.classes))
    scores = [losses.best_scores(boxes, part, about, label) for label in classes]
    if kind == "overkill":
        # Parts without a find are at the bottom: shares are those of all good parts.
        scores = [np.concatenate([np.zeros(int(about.sum()) - len(one)), one]) for one in scores]
    pooled = np.concatenate(scores) if scores else np.zeros(0)
    strictest = max(limit.at_most for limit in limits)
    own = {limit.label: limit.at_most for limit in limits if limit.label}
    pace = [own.get(name, strictest) / strictest for name in found.predictions.classes]
    return ladder.by_class(scores, pooled, np.array(pace) if kind == "escape" else None)


def _first(kind: Kind, length: int) -> int:
    """The safest rung."""
    return 0 if kind == "escape" else length - 1


def _reach(holds: NDArray[np.bool_], kind: Kind) -> int | None:
    """How far one gets from the safest rung while it holds; None: not even there."""
    walk = holds if kind == "escape" else holds[::-1]
    if not walk[0]:
        return None
    steps = len(walk) if walk.all() else int(np.argmin(walk))
    return steps - 1 if kind == "escape" else len(walk) - steps


def _safer(wanted: int, safe: int, kind: Kind) -> int:
    return min(wanted, safe) if kind == "escape" else max(wanted, safe)


def _missing(
    limit: Limit,
    kind: Kind,
    delta: float,
    chosen_by: NDArray[np.int64],
    certified_by: NDArray[np.int64],
    length: int,
) -> int | None:
    """How many more parts of the kind a certificate takes, if losses at the safest rung stay as
    frequent as in all parts; None where no number would do."""
    everybody = np.concatenate([chosen_by, certified_by])
    safest = int(losses.losses(everybody, kind, length)[_first(kind, length)])
    needed = bounds.units_needed(safest, len(everybody), limit.at_most, delta)
    if needed is None:
        return None
    share = len(certified_by) / len(everybody) if len(certified_by) else 0.5
    return max(1, int(np.ceil((needed - len(certified_by)) / share)))


def _share(lost: np.int64, parts: int, confidence: float) -> Share:
    rate = bounds.rate(int(lost), parts, confidence)
    return Share(
        losses=rate.losses, parts=rate.units, value=rate.value, low=rate.low, high=rate.high
    )


def _thresholds(escape: _Side | None, overkill: _Side | None) -> tuple[Floats, Floats]:
    """Where people are asked from, and where parts fail [C]. Any lower review limit keeps a limit
    on escapes, any higher threshold one on overkill; where both have room they meet midway."""
    low = escape.ladder.thresholds[escape.rung] if escape else None
    high = overkill.ladder.thresholds[overkill.rung] if overkill else None
    if low is None or high is None:
        only = low if low is not None else high
        if only is None:
            raise ValueError("A promise has no limits: name at least one.")
        return only, only
    middle = np.round((low + high) / 2, 6)
    room = low >= high
    return np.where(room, middle, low), np.where(room, middle, high)


def _point(
    rules: OperatingPoint, classes: Sequence[str], review: Floats, threshold: Floats, by_class: bool
) -> OperatingPoint:
    kept = {
        name: rule.model_copy(update={"threshold": None, "review_from": None})
        for name, rule in rules.classes.items()
    }
    if by_class:
        for index, name in enumerate(classes):
            kept[name] = kept.get(name, ClassRule()).model_copy(
                update={
                    "threshold": float(threshold[index]),
                    "review_from": float(review[index]),
                }
            )
    # A class the data did not show is held to the strictest of those it did.
    changed = {
        "threshold": float(threshold.min()),
        "review_from": float(review.min()),
        "classes": kept,
    }
    return OperatingPoint.model_validate({**rules.model_dump(), **_plain(changed)})


def _plain(changed: dict[str, object]) -> dict[str, object]:
    classes = changed["classes"]
    if isinstance(classes, dict):
        changed["classes"] = {name: rule.model_dump() for name, rule in classes.items()}
    return changed
