"""A part's decision from its views: pure, so that it can be tried on every combination."""

from collections.abc import Sequence
from dataclasses import dataclass

RANK = {"fail": 3, "review": 2, "pass": 1}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of one view that counts."""

    name: str
    outcome: str
    machine_outcome: str
    reviewed: bool
    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class PartDecision:
    """What is known of a part.

    Attributes:
        outcome: now: a view that fails fails the part, then one to review, then a missing view.
        machine_outcome: the same of what the machine decided.
        reviewed: people settled it: every view that the machine did not pass, or one that they
            failed.
        escaped: the machine passed it, and it is bad.
        overkilled: the machine failed it, and it is good.
        label: the defect of the worst view; the finding's where it was found later.
    """

    outcome: str
    machine_outcome: str
    reviewed: bool
    label: str
    missing: tuple[str, ...]
    escaped: bool
    overkilled: bool


def decide_part(
    seen: Sequence[Seen], required: Sequence[str], findings: Sequence[str] = ()
) -> PartDecision:
    """Join the views of a part.

    Args:
        seen: one entry a view: its newest result.
        required: names of the views the part needs.
        findings: labels of what was found on it later and not withdrawn.
    """
    there = {view.name for view in seen}
    missing = tuple(name for name in required if name not in there)
    machine = _worst([view.machine_outcome for view in seen], missing)
    outcome = _worst([view.outcome for view in seen], missing)
    failed_by_person = any(view.reviewed and view.outcome == "fail" for view in seen)
    doubtful = [view for view in seen if view.machine_outcome != "pass"]
    asked = doubtful or list(seen)
    settled = not missing and bool(asked) and all(view.reviewed for view in asked)
    reviewed = failed_by_person or settled or bool(findings)
    if findings:
        outcome = "fail"
    worst = max(seen, key=lambda view: (RANK[view.outcome], view.score), default=None)
    label = worst.label if worst is not None and worst.outcome != "pass" else ""
    return PartDecision(
        outcome=outcome,
        machine_outcome=machine,
        reviewed=reviewed,
        label=label or (findings[0] if findings else ""),
        missing=missing,
        escaped=machine == "pass" and outcome == "fail" and reviewed,
        overkilled=machine == "fail" and outcome == "pass" and reviewed,
    )


def _worst(outcomes: Sequence[str], missing: Sequence[str]) -> str:
    found = max(outcomes, key=lambda outcome: RANK[outcome], default="review")
    return "review" if missing and found == "pass" else found
