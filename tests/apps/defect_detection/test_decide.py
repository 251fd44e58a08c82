"""Decisions follow from boxes and the operating point alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.defect_detection.app import App
from apps.defect_detection.decide import decide
from apps.defect_detection.schema import (
    Box,
    ClassRule,
    DetectionResult,
    ImageFacts,
    OperatingPoint,
    SizeRule,
)

IMAGE = ImageFacts(width=640, height=640, channels=3, bits=8)
ORDER = {"pass": 0, "review": 1, "fail": 2}


def result(*boxes: Box) -> DetectionResult:
    return DetectionResult(image=IMAGE, boxes=boxes)


def box(label: str = "pit", score: float = 0.8, severity: str = "major", side: float = 20) -> Box:
    known = {"label": label, "score": score, "severity": severity}
    return Box.model_validate({"x1": 10, "y1": 10, "x2": 10 + side, "y2": 12, **known})


boxes = st.builds(
    box,
    label=st.sampled_from(["pit", "scratch", "crack"]),
    score=st.floats(0, 1),
    severity=st.sampled_from(["critical", "major", "minor"]),
    side=st.floats(1, 300),
)
results = st.lists(boxes, max_size=6).map(lambda found: result(*found))


@given(results)
def test_equal_arguments_give_equal_decisions(found: DetectionResult) -> None:
    again = DetectionResult.model_validate_json(found.model_dump_json())
    assert decide(found, OperatingPoint()) == decide(again, OperatingPoint())


@given(results, st.floats(0.3, 1), st.floats(0.3, 1))
def test_a_stricter_threshold_never_lets_more_through(
    found: DetectionResult, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    strict = decide(found, OperatingPoint(threshold=low))
    lenient = decide(found, OperatingPoint(threshold=high))
    assert ORDER[strict.outcome] >= ORDER[lenient.outcome]


@given(results)
def test_reasons_come_strongest_first_and_there_is_always_one(found: DetectionResult) -> None:
    decision = decide(found, OperatingPoint())
    weights = [reason.weight for reason in decision.reasons]
    assert weights == sorted(weights, reverse=True)
    assert weights
    assert all(reason.en and reason.zh for reason in decision.reasons)


@given(results, results)
def test_whatever_fails_stands_above_whatever_does_not(
    one: DetectionResult, other: DetectionResult
) -> None:
    first, second = decide(one, OperatingPoint()), decide(other, OperatingPoint())
    if ORDER[first.outcome] > ORDER[second.outcome]:
        assert first.score > second.score


def test_a_box_at_the_threshold_fails_and_its_reason_names_class_score_and_threshold() -> None:
    decision = decide(result(box(score=0.5)), OperatingPoint(threshold=0.5))
    assert (decision.outcome, decision.label) == ("fail", "pit")
    assert "pit" in decision.reasons[0].en
    assert "0.50" in decision.reasons[0].en
    assert "阈值 0.50" in decision.reasons[0].zh


def test_the_review_band_sends_to_a_person() -> None:
    point = OperatingPoint(threshold=0.5, review_from=0.3)
    assert decide(result(box(score=0.49)), point).outcome == "review"
    assert decide(result(box(score=0.29)), point).outcome == "pass"


def test_minor_defects_are_reviewed_not_failed() -> None:
    assert decide(result(box(severity="minor", score=0.99)), OperatingPoint()).outcome == "review"


def test_rules_of_a_class_override_threshold_severity_and_size() -> None:
    found = result(box(score=0.4, severity="minor", side=20))
    rules = {"pit": ClassRule(threshold=0.35, severity="critical")}
    assert decide(found, OperatingPoint(classes=rules)).outcome == "fail"
    too_small = OperatingPoint(classes={"pit": ClassRule(threshold=0.35, min_side=21)})
    assert decide(found, too_small).outcome == "pass"


def test_the_engine_is_asked_for_every_box_a_decision_could_need() -> None:
    rules = {"pit": ClassRule(threshold=0.08, review_from=0.05)}
    assert App.request(OperatingPoint(classes=rules))["score_floor"] == 0.05
    assert App.request(OperatingPoint())["score_floor"] == 0.1


def sized(*rules: tuple[float, str], **more: object) -> OperatingPoint:
    """An operating point of 0.05 mm a pixel with size rules for pits."""
    sizes = tuple(SizeRule.model_validate({"from_mm": mm, "severity": said}) for mm, said in rules)
    classes = {"pit": ClassRule(sizes=sizes)}
    return OperatingPoint.model_validate({"mm_per_pixel": 0.05, "classes": classes, **more})


@pytest.mark.parametrize(
    ("side", "outcome", "code"),
    [(9, "pass", "ignored_size"), (11, "review", "minor_defect"), (21, "fail", "defect")],
)
def test_how_much_a_defect_weighs_follows_from_its_size_in_mm(
    side: float, outcome: str, code: str
) -> None:
    point = sized((0, "ignore"), (0.5, "minor"), (1, "critical"))
    decision = decide(result(box(side=side)), point)
    assert decision.outcome == outcome
    assert decision.reasons[0].code == code
    assert f"{side * 0.05:.2f} × 0.10 mm" in decision.reasons[0].en.replace("(", "")


def test_below_the_first_size_the_severity_of_the_class_holds() -> None:
    assert decide(result(box(severity="minor", side=9)), sized((0.5, "critical"))).outcome == (
        "review"
    )


def test_sizes_of_a_class_win_over_those_of_the_operating_point() -> None:
    point = sized((0, "critical"), sizes=[{"from_mm": 0, "severity": "ignore"}])
    assert decide(result(box("pit")), point).outcome == "fail"
    assert decide(result(box("crack")), point).outcome == "pass"


def test_sizes_in_mm_need_the_size_of_a_pixel() -> None:
    with pytest.raises(ValueError, match="mm_per_pixel is empty"):
        sized((0.5, "minor"), mm_per_pixel=None)


def test_sizes_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="Sort them"):
        sized((1, "minor"), (0.5, "major"))
