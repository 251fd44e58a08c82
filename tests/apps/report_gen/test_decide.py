"""Draft ready, needs attention, refused: what decides, and what is said first."""

import pytest
from pydantic import ValidationError

from apps.report_gen.decide import decide
from apps.report_gen.examples import results
from apps.report_gen.findings import KEYS, State
from apps.report_gen.report import ReportFinding
from apps.report_gen.schema import GateReason, OperatingPoint, StudyResult, Thresholds

CLEAR, MASS, REFUSED = results()
POINT = OperatingPoint()


def _with(*findings: ReportFinding, reasons: tuple[GateReason, ...] = ()) -> StudyResult:
    return CLEAR.model_copy(update={"findings": findings, "reasons": reasons})


def _finding(kind: str, state: State) -> ReportFinding:
    return ReportFinding(id=kind, kind=kind, state=state, probability=0.8)


def test_a_clear_chest_is_ready_and_says_why() -> None:
    draft = decide(CLEAR, POINT)
    assert draft.outcome == "draft_ready"
    assert [each.code for each in draft.reasons] == ["nothing_found"]


def test_findings_that_are_not_critical_leave_a_draft_ready() -> None:
    draft = decide(_with(_finding("emphysema", State.PRESENT)), POINT)
    assert (draft.outcome, draft.label) == ("draft_ready", "emphysema")


@pytest.mark.parametrize("kind", ["mass", "pneumothorax"])
def test_a_critical_finding_needs_attention_and_stands_first(kind: str) -> None:
    draft = decide(
        _with(_finding("emphysema", State.PRESENT), _finding(kind, State.PRESENT)), POINT
    )
    assert (draft.outcome, draft.label) == ("needs_attention", kind)
    assert draft.score > decide(_with(_finding("emphysema", State.PRESENT)), POINT).score


def test_an_uncertain_finding_needs_attention_as_often_as_the_point_says() -> None:
    one = _with(_finding("consolidation", State.UNCERTAIN))
    assert decide(one, POINT).outcome == "needs_attention"
    assert decide(one, OperatingPoint(attention_uncertain=2)).outcome == "draft_ready"


def test_a_warning_of_the_gate_needs_attention_unless_the_point_says_otherwise() -> None:
    warned = GateReason(code="gantry_tilt", severity="warning", en="Tilted.", zh="倾斜。")
    study = _with(reasons=(warned,))
    assert decide(study, POINT).outcome == "needs_attention"
    assert decide(study, POINT).label == "gantry_tilt"
    assert decide(study, OperatingPoint(attention_warnings=False)).outcome == "draft_ready"


def test_a_refusal_keeps_the_gates_codes() -> None:
    draft = decide(REFUSED, POINT)
    assert (draft.outcome, draft.label) == ("refused", "body_part")
    bare = REFUSED.model_copy(update={"reasons": ()})
    assert decide(bare, POINT).label == "no_images"


def test_a_point_refuses_findings_and_thresholds_that_are_none() -> None:
    with pytest.raises(ValidationError, match="thresholds name"):
        OperatingPoint(thresholds={"gout": Thresholds()})
    with pytest.raises(ValidationError, match="swap them"):
        Thresholds(low=0.8, high=0.2)
    assert set(OperatingPoint(thresholds={KEYS[0]: Thresholds(low=0.1)}).thresholds) == {KEYS[0]}
