"""Decisions: the strictest that is asked for, the same one by one as by the block."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.fraud.decide import decide, decide_columns
from apps.fraud.refusals import WORDS
from apps.fraud.schema import OUTCOMES, Band, OperatingPoint, Rule, ScoredTransaction
from tests.apps.fraud.rules.made import columns, transactions

KEY = "a secret of the project"


def _one(**changed: object) -> ScoredTransaction:
    return transactions(1)[0].model_copy(
        update={"score": 0.1, "amount": 5_000, "features": {}, "late": False, **changed}
    )


def _point(*rules: Rule, **changed: object) -> OperatingPoint:
    return OperatingPoint.model_validate({"rules": rules, **changed})


def _rule(key: str, outcome: str, when: str = "amount >= 0 EUR", **changed: object) -> Rule:
    return Rule.model_validate({"key": key, "outcome": outcome, "when": when, **changed})


def _both(row: ScoredTransaction, point: OperatingPoint) -> tuple[str, str]:
    draft, block = decide(row, point), decide_columns(columns([row]), point)
    assert [draft.outcome, draft.label, draft.score] == [
        block.outcome[0], block.label[0], block.score[0],
    ]  # fmt: skip
    return draft.outcome, draft.label


@pytest.mark.parametrize(
    ("score", "outcome", "label"),
    [
        (0.69, "approve", "below_cut_offs"),
        (0.7, "step_up", "score_step_up"),
        (0.9, "review", "score_review"),
        (0.99, "block", "score_block"),
        (math.nan, "review", "score_missing"),
    ],
)
def test_a_score_gets_the_strictest_outcome_whose_cut_off_it_reaches(
    score: float, outcome: str, label: str
) -> None:
    assert _both(_one(score=score), _point()) == (outcome, label)


def test_large_amounts_have_cut_offs_of_their_own() -> None:
    point = _point(bands=(Band(), Band(from_amount=50_000, step_up=0.3, review=0.4, block=0.5)))
    assert _both(_one(score=0.6, amount=49_999), point)[0] == "approve"
    assert _both(_one(score=0.6, amount=50_000), point)[0] == "block"
    reason = decide(_one(score=0.6, amount=50_000), point).reasons[0]
    assert "for amounts from 500.00 EUR" in reason.en


def test_the_strictest_of_rules_and_score_wins() -> None:
    assert _both(_one(), _point(_rule("a", "step_up"), _rule("b", "review"))) == (
        "review",
        "rule.b",
    )
    assert _both(_one(score=0.995), _point(_rule("a", "review"))) == ("block", "score_block")
    assert _both(_one(score=0.995), _point(_rule("a", "block"))) == ("block", "rule.a")


def test_a_rule_that_is_off_or_does_not_hold_asks_for_nothing() -> None:
    assert _both(_one(), _point(_rule("a", "block", active=False)))[0] == "approve"
    assert _both(_one(), _point(_rule("a", "block", "features.gone > 1")))[0] == "approve"


def test_an_approval_sets_the_score_aside_but_not_the_other_rules() -> None:
    allowed = _rule("allow", "approve")
    assert _both(_one(score=1.0), _point(allowed)) == ("approve", "rule.allow")
    point = _point(allowed, _rule("sanctions", "review"))
    assert _both(_one(score=1.0), point) == ("review", "rule.sanctions")


def test_an_approval_that_is_declared_to_win_sets_aside_everything() -> None:
    point = _point(_rule("ceo", "approve", wins=True), _rule("sanctions", "block"))
    assert _both(_one(score=1.0), point) == ("approve", "rule.ceo")
    with pytest.raises(ValidationError, match="only an approval wins"):
        _rule("x", "block", wins=True)


def test_reasons_are_in_both_languages_and_strongest_first() -> None:
    row = _one(
        score=0.995,
        features={"customer_count_1h": 7.0, "customer_count_30d": 216.0, "device_distinct_7d": 3.0},
        reasons={"1": "customer_count_1h", "2": "device_distinct_7d", "3": ""},
        weights={"1": 2.5, "2": 1.5, "3": math.nan},
    )
    draft = decide(row, _point(_rule("a", "review", en="Everything.", zh="全部。")))
    assert [reason.code for reason in draft.reasons] == [
        "score_block", "rule.a", "velocity", "sharing",
    ]  # fmt: skip
    weights = [reason.weight for reason in draft.reasons]
    assert weights == sorted(weights, reverse=True)
    said = [reason.en for reason in draft.reasons]
    assert said[1] == "Rule a (review): Everything."
    assert said[2] == "7 transactions of this customer within 1 hour, usually 0.3."
    assert said[3] == "3 customers share this device within 7 days."
    assert draft.reasons[2].zh == "该客户 1 小时内有 7 笔交易，通常 0.3 笔。"


def test_a_rule_that_cannot_be_read_never_enters_an_operating_point() -> None:
    with pytest.raises(ValidationError, match="Rule a: Character 9: "):
        _rule("a", "block", "amount >")
    with pytest.raises(ValidationError, match="Keys of rules must be unique"):
        _point(_rule("a", "block"), _rule("a", "review"))
    long = " or ".join(f"score > 0.{number:03d}" for number in range(100))
    with pytest.raises(ValidationError, match="6,000 are allowed"):
        _point(*(_rule(f"r{number}", "block", long) for number in range(100)))
    with pytest.raises(ValidationError, match="the first at 0"):
        _point(bands=(Band(from_amount=5),))


def _blocked(count: int) -> list[ScoredTransaction]:
    return [_one(id=f"id-{number}", score=0.995) for number in range(count)]


def test_the_control_group_is_off_by_default() -> None:
    assert {decide(row, _point()).outcome for row in _blocked(300)} == {"block"}


def test_the_control_group_is_a_share_drawn_by_lot_and_marked() -> None:
    point = _point(control_share=0.05, control_cap=5_000, control_key=KEY)
    rows = _blocked(4_000)
    block = decide_columns(columns(rows), point)
    drawn = block.label == "control_group"
    assert abs(drawn.mean() - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4_000)
    assert set(block.outcome[drawn].tolist()) == {"approve"}
    assert set(block.outcome[~drawn].tolist()) == {"block"}
    alone = [decide(row, point) for row in rows[:400]]
    assert [draft.label for draft in alone] == block.label[:400].tolist()
    marked = next(draft for draft in alone if draft.label == "control_group")
    assert [reason.code for reason in marked.reasons][:2] == ["control_group", "score_block"]
    other = _point(control_share=0.05, control_cap=5_000, control_key=KEY + "2")
    assert (
        decide_columns(columns(rows), other).label == "control_group"
    ).tolist() != drawn.tolist()


def test_what_a_rule_blocks_or_costs_more_than_the_cap_is_never_drawn() -> None:
    capped = _point(control_share=0.05, control_cap=4_999, control_key=KEY)
    ruled = _point(
        _rule("sanctions", "block"), control_share=0.05, control_cap=5_000, control_key=KEY
    )
    for point in (capped, ruled):
        found = decide_columns(columns(_blocked(2_000)), point)
        assert set(found.outcome.tolist()) == {"block"}


@pytest.mark.parametrize("code", sorted(WORDS))
def test_what_was_not_taken_is_for_a_person_and_says_why(code: str) -> None:
    row = _one(refused=code, score=math.nan, sequence=-1)
    blocks_all = _rule("all", "block")
    assert _both(row, _point(blocks_all)) == ("review", f"refused.{code}")
    (reason,) = decide(row, _point(blocks_all)).reasons
    assert WORDS[code].en in reason.en
    assert WORDS[code].zh in reason.zh


@pytest.mark.parametrize(
    ("listed", "outcome"), [("block", "block"), ("watch", "review"), ("allow", "approve")]
)
def test_in_a_new_project_lists_do_what_they_are_called(listed: str, outcome: str) -> None:
    row = _one(score=0.75, features={f"listed_{listed}": 1.0})
    assert _both(row, OperatingPoint()) == (outcome, f"rule.on_{listed}_list")


def test_a_control_group_needs_a_secret() -> None:
    with pytest.raises(ValidationError, match="control_key"):
        _point(control_share=0.01)


WHENS = (
    "late",
    "amount >= 500 EUR",
    'entities.customer == "c-1"',
    "features.customer_count_1h > 2",
    'listed("watch")',
    "not missing(features.device_risk_7d)",
)


@given(
    chosen=st.lists(
        st.tuples(st.sampled_from(WHENS), st.sampled_from(OUTCOMES), st.booleans(), st.booleans()),
        max_size=6,
    ),
    edges=st.lists(st.sampled_from((1, 49_999, 50_000, 50_001)), unique=True, max_size=3),
    seed=st.integers(0, 10**6),
    share=st.sampled_from((0.0, 0.05)),
)
@settings(max_examples=60, deadline=None)
def test_a_block_is_decided_as_its_rows_are(
    chosen: list[tuple[str, str, bool, bool]], edges: list[int], seed: int, share: float
) -> None:
    rules = [
        _rule(f"r{n}", outcome, when, active=active, wins=wins and outcome == "approve")
        for n, (when, outcome, active, wins) in enumerate(chosen)
    ]
    bands = [
        Band(from_amount=edge, step_up=0.5 + n / 10, review=0.7, block=0.9)
        for n, edge in enumerate([0, *sorted(edges)])
    ]
    point = _point(*rules, bands=bands, control_share=share, control_cap=10**9, control_key=KEY)
    rows = transactions(40, seed)
    rows[0] = rows[0].model_copy(update={"score": math.nan})
    rows[1] = rows[1].model_copy(update={"score": math.nan, "refused": "duplicate_id"})
    block = decide_columns(columns(rows), point)
    drafts = [decide(row, point) for row in rows]
    assert block.outcome.tolist() == [draft.outcome for draft in drafts]
    assert block.label.tolist() == [draft.label for draft in drafts]
    np.testing.assert_array_equal(block.score, [draft.score for draft in drafts])
