"""The ladder from transactions to an artefact that answers: every rung and every figure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.fraud.features.state import FeatureState, Fed
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.training import network_rungs, rungs
from apps.fraud.training.canaries import Leak
from apps.fraud.training.config import TrainingConfig
from apps.fraud.training.plan import ENSEMBLE, ORDER, SERVABLE
from apps.fraud.training.reading import Read
from apps.fraud.training.training import train_on
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.columns import Columns
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.training import read_panel
from tests.apps.fraud.training import days

pytestmark = pytest.mark.slow


Trained = tuple[Path, dict[str, Any], "Quiet"]


class Quiet:
    """A reporter that keeps what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.figures: list[dict[str, JsonValue]] = []

    def progress(self, done: float, total: float, note: str = "") -> None:
        assert 0 <= done <= total
        self.notes.append(note)

    def metrics(self, values: dict[str, JsonValue]) -> None:
        self.figures.append(values)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("trained")
    config = TrainingConfig(seeds=2, most_rows=4_000, network_rows=2_000, network_epochs=4)
    read = Read(days.SCHEME, days.history(days=42, a_day=150), "0" * 64, 0, ())
    reporter = Quiet()
    said = train_on(read, out, config, 0, reporter, dataset="drawn")
    return out, said, reporter


def test_every_rung_is_measured_together(trained: Trained) -> None:
    _, said, _ = trained
    assert [row["model"] for row in said["ladder"]] == list(ORDER)
    for row in said["ladder"]:
        for key in ("recall_at_fpr", "average_precision", "card_precision", "auc"):
            low, high = row[f"{key}_interval"]
            assert 0 <= low <= row[key] + 1e-9
            assert row[key] <= high + 1e-9 <= 1 + 1e-9
    json.dumps(said, allow_nan=False)


def test_trees_find_what_rules_do_not(trained: Trained) -> None:
    _, said, _ = trained
    told = {row["model"]: row["average_precision"] for row in said["ladder"]}
    assert all(told[key] > told["rules"] + 0.1 for key in SERVABLE)
    assert told[ENSEMBLE] > told["rules"] + 0.1


def test_the_network_learns_and_its_curve_is_kept(trained: Trained) -> None:
    _, said, reporter = trained
    curve = said["network_curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]
    assert [line["step"] for line in reporter.figures] == list(range(1, len(reporter.figures) + 1))
    told = [line["average_precision"] for line in reporter.figures if "loss" in line]
    assert told == [line["average_precision"] for line in curve]
    assert any("trees" in line for line in reporter.figures)
    assert {row["model"]: row["auc"] for row in said["ladder"]}["gnn"] > 0.5


def test_a_ladder_that_goes_on_learns_no_model_twice(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, said, _ = trained
    for name in ("learn_rules", "learn_logistic", "learn_trees"):
        monkeypatch.setattr(rungs, name, None)
    monkeypatch.setattr(network_rungs, "train_network", None)
    config = TrainingConfig(seeds=2, most_rows=4_000, network_rows=2_000, network_epochs=4)
    read = Read(days.SCHEME, days.history(days=42, a_day=150), "0" * 64, 0, ())
    again = train_on(read, out, config, 0, Quiet(), dataset="drawn")
    assert again["ladder"] == said["ladder"]
    assert again["ensemble"] == said["ensemble"]


def test_strangers_are_measured_with_and_without_what_is_done_for_them(trained: Trained) -> None:
    _, said, _ = trained
    cold = said["cold_start"]
    assert cold["below"] == 5
    assert (cold["gain"] is None) == (cold["frauds"] < 5)


def test_the_ensemble_keeps_the_network_only_with_a_certain_gain(trained: Trained) -> None:
    _, said, _ = trained
    about = said["ensemble"]
    needs_it = bool({"gnn", "xgboost_all"} & set(about["weights"]))
    assert needs_it == about["network_kept"]
    assert about["network_kept"] == (needs_it and about["network_gain_on_validation"]["low"] > 0)
    assert sum(about["weights"].values()) == pytest.approx(1)


def test_the_artefact_answers_with_the_scores_that_were_measured(trained: Trained) -> None:
    out, _, _ = trained
    manifest = json.loads((out / "artefact" / "manifest.json").read_text())
    runner = ForestRunner(out / "artefact", manifest)
    assert runner.model.features == tuple(manifest["features"])
    values = np.zeros((5, len(manifest["features"])), np.float32)
    arrays = {f"feature.{name}": values[:, at] for at, name in enumerate(manifest["features"])}
    (answer,) = runner.infer([Payload(arrays=arrays)], StageClock())
    assert ((answer.arrays["score"] > 0) & (answer.arrays["score"] < 1)).all()
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    scores = np.array([line["score"] for line in lines])
    label = np.array([line["label"] for line in lines])
    # A calibrated score is about right on the whole, as far as so few frauds tell.
    assert 0.5 < scores.mean() / label.mean() < 2


def test_the_manifest_says_where_the_model_comes_from(trained: Trained) -> None:
    out, _, _ = trained
    manifest = json.loads((out / "artefact" / "manifest.json").read_text())
    assert manifest["data_sha256"] == "0" * 64
    assert manifest["scheme_sha256"] == days.SCHEME.sha256
    assert manifest["versions"]["xgboost-cpu"]
    assert set(manifest["reference"]["features"]) == set(manifest["features"])
    for spread in manifest["reference"]["features"].values():
        assert sum(spread["shares"]) == pytest.approx(1, abs=1e-4)
        assert len(spread["shares"]) == len(spread["edges"]) + 1
    card = (out / "artefact" / "README.md").read_text()
    assert "How it compares" in card
    assert "Graph network" in card


def test_the_panel_has_the_served_rung_and_all_others(trained: Trained) -> None:
    out, said, _ = trained
    panel = read_panel(out)
    row = next(one for one in said["ladder"] if one["model"] == said["serves"])
    figure = panel.figure("average_precision")
    assert figure is not None
    assert figure.value == pytest.approx(row["average_precision"])
    assert {one.key for one in panel.slices} == set(ORDER)


def test_slices_and_bands_cover_the_test(trained: Trained) -> None:
    _, said, _ = trained
    for row in said["ladder"]:
        rows = said["rows"]["test"]
        assert sum(one["rows"] for one in row["by_history"]) == rows["rows"]
        assert sum(one["frauds"] for one in row["value_by_band"]) == rows["frauds"]


def test_a_leaking_feature_stops_the_training(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: a feature that reads its own label never becomes a model."""
    honest = FeatureState.feed

    def leaking(self: FeatureState, events: Columns) -> Fed:
        fed = honest(self, events)
        fed.values[:, self.names.index("amount")] += events["label"]
        return fed

    monkeypatch.setattr(FeatureState, "feed", leaking)
    read = Read(days.SCHEME, days.history(days=42, a_day=60), "0" * 64, 0, ())
    with pytest.raises(Leak, match="'amount' leaks"):
        train_on(read, tmp_path, TrainingConfig(seeds=1), 0, Quiet(), dataset="drawn")
    assert not (tmp_path / "artefact").exists()
