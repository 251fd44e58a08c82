"""The forest in the engine: XGBoost's bits, calibrated scores, refusals by name."""

from pathlib import Path

import numpy as np
import pytest

from apps.fraud.inference.runner import ForestRunner
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.inference import forests

CURVE = {"margins": [-3.0, 0.0, 3.0], "probabilities": [0.001, 0.2, 0.95]}


def request(values: np.ndarray, names: tuple[str, ...] = forests.NAMES) -> Payload:
    columns = {f"feature.{name}": values[:, at].copy() for at, name in enumerate(names)}
    return Payload(arrays={**columns, "id": np.arange(len(values)).astype(np.str_)})


def test_margins_are_bit_for_bit_those_of_xgboost(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    values, _ = forests.rows(257, seed=5)
    (answer,) = runner.infer([request(values)], StageClock())
    told = forests.booster().inplace_predict(values, predict_type="margin")
    assert answer.arrays["margin"].dtype == np.float32
    assert answer.arrays["margin"].tobytes() == told.astype(np.float32).tobytes()
    assert answer.arrays["score"].dtype == np.float64
    expected = 1 / (1 + np.exp(-told.astype(np.float64)))
    np.testing.assert_allclose(answer.arrays["score"], expected, rtol=1e-12)


def test_only_what_it_adds_is_answered(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    (answer,) = runner.infer([request(forests.rows(3)[0])], StageClock())
    assert set(answer.arrays) == {"score", "margin"}


def test_requests_together_answer_as_each_alone(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path, calibration=CURVE))
    parts = [forests.rows(size, seed=size)[0] for size in (1, 40, 7)]
    together = runner.infer([request(part) for part in parts], StageClock())
    for part, answer in zip(parts, together, strict=True):
        (alone,) = runner.infer([request(part)], StageClock())
        assert answer.arrays["score"].tobytes() == alone.arrays["score"].tobytes()


def test_columns_in_any_order_give_the_same(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    values, _ = forests.rows(20)
    turned = request(values[:, ::-1], forests.NAMES[::-1])
    (one,) = runner.infer([request(values)], StageClock())
    (other,) = runner.infer([turned], StageClock())
    assert one.arrays["margin"].tobytes() == other.arrays["margin"].tobytes()


def test_a_calibrated_score_keeps_the_order_of_margins(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path, calibration=CURVE))
    (answer,) = runner.infer([request(forests.rows(300, seed=2)[0])], StageClock())
    margin, score = answer.arrays["margin"], answer.arrays["score"]
    order = np.argsort(margin, kind="stable")
    assert (np.diff(score[order]) >= 0).all()
    assert ((score > 0) & (score < 1)).all()


def test_a_missing_feature_is_refused_by_name(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    values, _ = forests.rows(2)
    with pytest.raises(InputRefused, match=r"feature\.terminal_risk_7d") as told:
        runner.infer([request(values[:, :2], forests.NAMES[:2])], StageClock())
    assert told.value.code == "feature_missing"


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_an_infinite_value_is_refused_with_feature_and_row(tmp_path: Path, value: float) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    values = forests.rows(4)[0].astype(np.float64)
    values[3, 1] = value
    with pytest.raises(InputRefused, match=r"customer_count_1d of row 3 is infinite"):
        runner.infer([request(values)], StageClock())


def test_words_as_a_feature_are_refused(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    arrays = dict(request(forests.rows(2)[0]).arrays)
    arrays["feature.amount"] = np.array(["12", "13"])
    with pytest.raises(InputRefused, match=r"feature\.amount is <U2"):
        runner.infer([Payload(arrays=arrays)], StageClock())


def test_no_rows_are_answered_with_none(tmp_path: Path) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    (answer,) = runner.infer([request(np.empty((0, 3), np.float32))], StageClock())
    assert answer.arrays["score"].shape == (0,)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"features": ["amount", "terminal_risk_7d", "customer_count_1d"]}, "Feature 1 is"),
        ({"features": ["amount"]}, "has 3 features and the manifest names 1"),
        ({"features": "amount"}, "must be 1 to"),
        ({"calibration": {"margins": [0, 1], "probabilities": [0.4, 0.3]}}, "strictly ascending"),
        ({"calibration": {"margins": [0, float("nan")], "probabilities": [0, 1]}}, "finite"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path, manifest: dict[str, object], message: str
) -> None:
    told = forests.artefact(tmp_path, **manifest)
    with pytest.raises(ModelRefused, match=message):
        ForestRunner(tmp_path, told)


@pytest.mark.parametrize("margin", [np.nan, np.inf])
def test_a_model_that_comes_to_no_finite_number_is_refused_with_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, margin: float
) -> None:
    runner = ForestRunner(tmp_path, forests.artefact(tmp_path))
    told = np.array([0.5, margin, -0.5], np.float32)
    monkeypatch.setattr(runner, "margins", lambda table: told[: len(table)])
    with pytest.raises(ModelRefused, match=f"margin {margin} .* for row 1,") as caught:
        runner.infer([request(forests.rows(3)[0])], StageClock())
    assert caught.value.code == "score_not_finite"
    (answer,) = runner.infer([request(forests.rows(1)[0])], StageClock())
    assert np.isfinite(answer.arrays["score"]).all()
