"""The runner explains what will be asked about, and only that; scores stay the forest's."""

from pathlib import Path

import numpy as np
import pytest

from apps.fraud.explaining.asking import request
from apps.fraud.explaining.explanation import Explanation
from apps.fraud.explaining.lime import seed_of
from apps.fraud.explaining.runner import ExplainingRunner
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.schema import Band, OperatingPoint
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from loupe.contract.runtime.payload import JsonValue, Payload
from tests.apps.fraud.explaining.made import NAMES, model, saved, table

MANIFEST = {"features": list(NAMES)}


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    (tmp_path / "forest.json").write_bytes(saved(model()))
    return tmp_path


def _asked(x: np.ndarray, **meta: float) -> Payload:
    arrays = {f"feature.{name}": x[:, at] for at, name in enumerate(NAMES)}
    return Payload(arrays=arrays, meta={**meta})


def test_rows_from_the_floor_on_have_reasons_and_the_others_none(artefact: Path) -> None:
    runner = ExplainingRunner(artefact, MANIFEST)
    x = table(200, seed=12)
    clock = StageClock()
    plain, told = runner.infer([_asked(x), _asked(x, explain_from=0.7)], clock)
    assert "reasons" in clock.times_ms
    assert set(plain.arrays) == {"score", "margin"}
    score = told.arrays["score"]
    np.testing.assert_array_equal(score, plain.arrays["score"])
    np.testing.assert_array_equal(
        score, ForestRunner(artefact, MANIFEST).infer([_asked(x)], clock)[0].arrays["score"]
    )
    high = score >= 0.7
    assert high.any()
    assert not high.all()
    assert (told.arrays["reasons.1"][high] != "").all()
    assert (told.arrays["reasons.1"][~high] == "").all()
    assert np.isnan(told.arrays["weights.1"][~high]).all()
    assert runner.explainer is not None
    whole = runner.explainer.columns(x)
    assert told.arrays["reasons.2"][high].tolist() == whole["reasons.2"][high].tolist()
    (nobody,) = runner.infer([_asked(x, explain_from=2.0)], clock)
    assert "reasons.1" not in nobody.arrays


def test_one_row_is_explained_in_full_when_a_page_asks(artefact: Path) -> None:
    runner = ExplainingRunner(artefact, MANIFEST)
    x = table(1, seed=13)
    asked = Payload(arrays=_asked(x).arrays, meta={"explain": "t-77"})
    (answer,) = runner.infer([asked], StageClock())
    told = Explanation.model_validate(answer.meta["explanation"])
    assert told.transaction == "t-77"
    assert told.margin == pytest.approx(float(answer.arrays["margin"][0]))
    assert told.usual + sum(group.weight for group in told.groups) == pytest.approx(told.margin)
    assert all(group.en and group.zh for group in told.groups)
    assert told.lime.seed == seed_of("t-77", told.model_sha256)
    (again,) = runner.infer([asked], StageClock())
    assert again.meta == answer.meta
    with pytest.raises(InputRefused, match="send the one transaction"):
        runner.infer([Payload(arrays=_asked(table(2)).arrays, meta={"explain": "x"})], StageClock())
    broken: dict[str, JsonValue] = {"explain": "x", "context": {"scheme": {"entities": []}}}
    with pytest.raises(InputRefused, match="is no scheme"):
        runner.infer([Payload(arrays=_asked(x).arrays, meta=broken)], StageClock())


def test_the_statistics_of_training_are_used_where_the_manifest_keeps_them(artefact: Path) -> None:
    x = table(2_000)
    edges = [np.nanquantile(column, np.linspace(0, 1, 11)[1:-1]).tolist() for column in x.T]
    told = {name: {"edges": one} for name, one in zip(NAMES, edges, strict=True)}
    kept = {**MANIFEST, "reference": {"rows": 2_000, "features": told}}
    asked = Payload(arrays=_asked(table(1, seed=13)).arrays, meta={"explain": "t-77"})
    (answer,) = ExplainingRunner(artefact, kept).infer([asked], StageClock())
    found = Explanation.model_validate(answer.meta["explanation"]).lime
    assert found.r2 > 0.4
    assert found.agreement > 0.7
    (answer,) = ExplainingRunner(artefact, MANIFEST).infer([asked], StageClock())
    assert Explanation.model_validate(answer.meta["explanation"]).lime != found
    with pytest.raises(ModelRefused, match="tells no edges"):
        ExplainingRunner(artefact, {**MANIFEST, "reference": {"rows": 1, "features": {}}})


def test_a_forest_without_weights_scores_without_reasons(tmp_path: Path) -> None:
    data = saved(model()).replace(b'"sum_hessian"', b'"sum_hessians"')
    (tmp_path / "forest.json").write_bytes(data)
    runner = ExplainingRunner(tmp_path, MANIFEST)
    (answer,) = runner.infer([_asked(table(20), explain_from=0.0)], StageClock())
    assert set(answer.arrays) == {"score", "margin"}


def test_the_floor_is_the_lowest_cut_off_of_the_point() -> None:
    point = OperatingPoint(bands=(Band(), Band(from_amount=5, step_up=2, review=0.4, block=0.5)))
    assert request(point) == {"explain_from": 0.4}
