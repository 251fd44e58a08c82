"""Uploaded forests: what becomes an artefact, and what is refused."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from apps.fraud.inference.bundle import MARK
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.inference.uploads import RUNNER, check_artefact
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import ModelRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.fraud.inference import forests


@pytest.mark.parametrize("ending", ["json", "ubj"])
def test_a_forest_becomes_an_artefact_that_answers(tmp_path: Path, ending: str) -> None:
    upload = tmp_path / f"sent.{ending}"
    forests.booster().save_model(upload)
    manifest = check_artefact(tmp_path / "made", upload, "sent")
    assert manifest["features"] == list(forests.NAMES)
    assert manifest["network"] == f"forest.{ending}"
    values, _ = forests.rows(5)
    arrays = {f"feature.{name}": values[:, at] for at, name in enumerate(forests.NAMES)}
    runner = ForestRunner(tmp_path / "made", manifest)
    (answer,) = runner.infer([Payload(arrays=arrays)], StageClock())
    told = forests.booster().inplace_predict(values, predict_type="margin")
    assert answer.arrays["margin"].tobytes() == told.tobytes()


def test_a_bundle_keeps_its_calibration(tmp_path: Path) -> None:
    forests.booster().save_model(tmp_path / "forest.json")
    curve = {"margins": [-1.0, 1.0], "probabilities": [0.1, 0.9]}
    told = {
        MARK: 1,
        "manifest": {"features": list(forests.NAMES), "calibration": curve, "runner": "evil:code"},
        "forest": json.loads((tmp_path / "forest.json").read_bytes()),
        "card": "# A card",
        "ladder": {"ladder": []},
    }
    upload = tmp_path / "model.json"
    upload.write_text(json.dumps(told))
    manifest = check_artefact(tmp_path / "made", upload, "model.json")
    assert manifest["calibration"] == curve
    assert manifest["runner"] == RUNNER
    assert (tmp_path / "made" / "README.md").read_text() == "# A card"


def test_a_bundle_with_features_of_another_forest_is_refused(tmp_path: Path) -> None:
    forests.booster().save_model(tmp_path / "forest.json")
    told = {
        MARK: 1,
        "manifest": {"features": ["a", "b", "c"], "calibration": None},
        "forest": json.loads((tmp_path / "forest.json").read_bytes()),
    }
    upload = tmp_path / "model.json"
    upload.write_text(json.dumps(told))
    with pytest.raises(ModelRefused, match="Feature 0 is 'amount'"):
        check_artefact(tmp_path / "made", upload, "model.json")


def test_a_forest_without_names_is_refused(tmp_path: Path) -> None:
    upload = tmp_path / "sent.json"
    forests.booster(None).save_model(upload)
    with pytest.raises(ModelRefused, match="does not name its features"):
        check_artefact(tmp_path / "made", upload, "sent.json")


def test_several_outputs_are_refused(tmp_path: Path) -> None:
    upload = tmp_path / "sent.json"
    forests.booster(objective="multi:softprob", num_class=3).save_model(upload)
    with pytest.raises(ModelRefused, match="has 3 outputs"):
        check_artefact(tmp_path / "made", upload, "sent.json")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (pickle.dumps({"a": np.zeros(2)}, 4), "pickle_refused"),
        (b"PK\x03\x04more", "pickle_refused"),
        (b"binf\x00\x00", "old_format"),
        (b"{}", "not_a_forest"),
        (b'{"learner": ' + b"[" * 5_000, "not_a_forest"),
        (b'{"loupe_fraud_model": 1, "manifest": 7}', "bundle_damaged"),
    ],
)
def test_other_files_are_refused_with_their_reason(tmp_path: Path, data: bytes, code: str) -> None:
    upload = tmp_path / "sent"
    upload.write_bytes(data)
    with pytest.raises(ModelRefused) as told:
        check_artefact(tmp_path / "made", upload, "sent")
    assert told.value.code == code
    assert not (tmp_path / "made").exists()


INF = float("inf")


@pytest.mark.parametrize(
    ("leaf", "everywhere"),
    [(INF, False), (-INF, False), (3e38, True), (-3e38, True)],
)
def test_a_forest_that_could_come_to_no_finite_number_is_refused(
    tmp_path: Path, leaf: float, everywhere: bool
) -> None:
    """One leaf that two rows at random would hardly reach is enough, and finite leaves that
    overflow together."""
    told = json.loads(forests.booster().save_raw("json"))
    trees = told["learner"]["gradient_booster"]["model"]["trees"]
    leaves = [
        (tree, at) for tree in trees for at, left in enumerate(tree["left_children"]) if left == -1
    ]
    for tree, at in leaves if everywhere else leaves[-1:]:
        tree["split_conditions"][at] = leaf
    upload = tmp_path / "sent.json"
    upload.write_text(json.dumps(told))
    with pytest.raises(ModelRefused, match="no finite numbers") as caught:
        check_artefact(tmp_path / "made", upload, "sent.json")
    assert caught.value.code == "not_finite"
    assert not (tmp_path / "made").exists()
