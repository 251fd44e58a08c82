"""Figures are those of independent implementations."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, matthews_corrcoef, recall_score

from apps.report_gen.findings import KEYS, State
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.training import metrics
from apps.report_gen.training.calibrating import UNCERTAIN, WIDEST, best_threshold, fitted, platt
from apps.report_gen.training.detection import Lesion, Mark, froc, hits, threshold_for

DRAW = np.random.default_rng(4)
TRUTH = DRAW.random((300, 13)) < 0.3
PREDICTED = TRUTH ^ (DRAW.random(TRUTH.shape) < 0.15)


def test_f1_mcc_sensitivity_and_specificity_are_scikit_learns() -> None:
    assert metrics.macro_f1(PREDICTED, TRUTH) == pytest.approx(
        f1_score(TRUTH, PREDICTED, average="macro")
    )
    for k in range(13):
        one, two = TRUTH[:, k], PREDICTED[:, k]
        assert metrics.mcc(PREDICTED, TRUTH)[k] == pytest.approx(matthews_corrcoef(one, two))
        assert metrics.sensitivity(PREDICTED, TRUTH)[k] == pytest.approx(recall_score(one, two))
        assert metrics.specificity(PREDICTED, TRUTH)[k] == pytest.approx(recall_score(~one, ~two))


def test_uncertain_counts_as_wrong() -> None:
    told = TRUTH.astype(int)
    assert metrics.macro_f1(metrics.settled(told, TRUTH), TRUTH) == 1
    told[:10] = -1
    settled = metrics.settled(told, TRUTH)
    assert (settled[:10] != TRUTH[:10]).all()
    assert (settled[10:] == TRUTH[10:]).all()


def test_an_interval_over_patients_is_wider_than_one_over_their_copies() -> None:
    several = np.repeat(np.arange(30), 10)
    predicted = np.repeat(PREDICTED[:30], 10, 0)
    truth = np.repeat(TRUTH[:30], 10, 0)
    clustered = metrics.clustered(metrics.macro_f1, predicted, truth, several.tolist())
    single = metrics.clustered(metrics.macro_f1, predicted, truth, list(range(300)))
    assert clustered.value == single.value
    assert clustered.low <= clustered.value <= clustered.high
    assert clustered.high - clustered.low > 2 * (single.high - single.low)


def test_calibration_and_skill_tell_honest_from_boastful_answers() -> None:
    chance = DRAW.random(20_000)
    truth = DRAW.random(20_000) < chance
    assert metrics.calibration_error(chance, truth) < 0.02
    boast = np.where(chance > 0.5, 0.99, 0.01)
    assert metrics.calibration_error(boast, truth) > 0.2
    assert metrics.brier_skill(chance, truth) == pytest.approx(1 / 3, abs=0.03)
    assert metrics.brier_skill(np.full(20_000, truth.mean()), truth) == pytest.approx(0)


def test_controls_score_what_looking_at_nothing_scores() -> None:
    told = metrics.controls(PREDICTED, TRUTH)
    assert told["all_normal"] == 0
    assert told["random_deal"] == pytest.approx(0.3, abs=0.04)
    assert told["shuffled"] < 0.4 < metrics.macro_f1(PREDICTED, TRUTH)


def test_one_answer_for_everybody_has_a_low_distinct_ratio() -> None:
    assert metrics.distinct_ratio(["a"] * 50, list(range(50))) == 0.02
    assert metrics.distinct_ratio(list("abc"), list("xyz")) == 1


def test_dice_of_masks() -> None:
    first, second = np.zeros(10, bool), np.zeros(10, bool)
    assert metrics.dice(first, second) == 1
    first[:4], second[2:6] = True, True
    assert metrics.dice(first, second) == 0.5


def test_platts_fit_is_that_of_logistic_regression() -> None:
    logits = DRAW.normal(0, 2, 4000)
    truth = DRAW.random(4000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))
    model = LogisticRegression(C=1e6).fit(logits[:, None], truth)
    slope, shift = platt(logits, truth)
    assert slope == pytest.approx(float(model.coef_[0, 0]), abs=0.02)
    assert shift == pytest.approx(float(model.intercept_[0]), abs=0.02)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_platts_fit_of_separable_logits_is_finite_and_the_best(scale: float) -> None:
    logits = scale * np.concatenate([DRAW.normal(-8, 1, 180), DRAW.normal(4, 1, 60)])
    truth = np.arange(240) >= 180
    slope, shift = platt(logits, truth)
    target = np.where(truth, 61 / 62, 1 / 182)

    def loss(weights: tuple[float, float]) -> float:
        linear = weights[0] * logits + weights[1]
        ridge = 0.025 * ((weights[0] - 1) ** 2 + weights[1] ** 2)
        return float((np.logaddexp(0, linear) - target * linear).sum() + ridge)

    near = [(slope * a, shift + b) for a in (0.9, 1, 1.1) for b in (-0.3, 0, 0.3)]
    assert loss((slope, shift)) <= min(loss(each) for each in near) + 1e-6
    assert 0.05 < slope < 10
    # Not a step: the smoothed targets are what a probability comes near to.
    assert 1 / (1 + np.exp(-(slope * logits + shift))) == pytest.approx(target, abs=0.25)


def test_a_threshold_is_the_best_of_all_for_f1() -> None:
    chance = DRAW.random(200)
    truth = DRAW.random(200) < chance**2
    best = max(f1_score(truth, chance >= t) for t in np.linspace(0.03, 0.97, 400))
    assert f1_score(truth, chance >= best_threshold(chance, truth)) >= best - 1e-9


def test_few_answers_are_uncertain_and_kinds_without_cases_stay_usable() -> None:
    logits = DRAW.normal(0, 2, (400, len(KEYS)))
    truth = DRAW.random(logits.shape) < 1 / (1 + np.exp(-logits))
    truth[:, 0] = False
    verdicts = fitted(logits, truth, (0.3, 0.3))
    states = verdicts.states(verdicts.probabilities(logits))
    share = np.mean([[state is State.UNCERTAIN for state in row] for row in states])
    assert share <= UNCERTAIN + 0.01
    assert all(0 < low <= high < 1 for low, high in zip(verdicts.low, verdicts.high, strict=True))
    assert Verdicts().probabilities(np.array([[0.0] * 13]))[0, 0] == 0.5


def test_answers_that_are_well_apart_leave_no_wide_band_of_uncertain_ones() -> None:
    truth = DRAW.random((200, len(KEYS))) < 0.4
    logits = np.where(truth, 3.0, -3.0) + DRAW.normal(0, 0.5, truth.shape)
    verdicts = fitted(logits, truth, (0.3, 0.3))
    bands = [high - low for low, high in zip(verdicts.low, verdicts.high, strict=True)]
    assert 0 < max(bands) <= 2 * WIDEST + 1e-9


def test_sensitivity_at_false_marks_a_study_is_counted_by_hand() -> None:
    lesions = [[Lesion((0, 0, 0), 8.0)], [Lesion((0, 0, 0), 20.0), Lesion((90, 0, 0), 5.0)]]
    marks = [
        [Mark((5, 0, 0), 0.9), Mark((50, 0, 0), 0.8)],
        [Mark((0, 9, 0), 0.7), Mark((0, 50, 0), 0.6), Mark((90, 0, 20), 0.5), Mark((1, 0, 0), 0.2)],
    ]
    scored = hits(marks, lesions)
    assert scored.found == [0.9, 0.7, 0.0]
    assert sorted(scored.false) == [0.5, 0.6, 0.8]
    assert 0.6 < threshold_for(scored, 0.5) <= 0.7
    curve = froc(scored, (0.0, 0.5, 4))
    assert [curve["all"][rate] for rate in ("0", "0.5", "4")] == pytest.approx(
        [1 / 3, 2 / 3, 2 / 3], abs=1e-3
    )
    assert curve["4-6 mm"]["lesions"] == 1
