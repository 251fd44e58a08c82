"""Promises of evaluations: figures that others get too, intervals, pictures, and parity."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from apps.defect_detection.labels import DatasetAbout
from apps.defect_detection.operating import predictions
from apps.defect_detection.training import trainer
from apps.defect_detection.training.average_precision import from_hits, measure
from apps.defect_detection.training.collection import Collection, Sample
from apps.defect_detection.training.evaluation import bootstrap
from apps.defect_detection.training.evaluation.confusion import confusion
from apps.defect_detection.training.evaluation.evaluating import Artefact, measured
from apps.defect_detection.training.evaluation.looking import Looked
from apps.defect_detection.training.gate import gate
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.training import EVALUATIONS, PICTURES, PREDICTIONS, read_panel

slow = pytest.mark.slow


def value(panel: Panel, key: str) -> float:
    figure = panel.figure(key)
    assert figure is not None, key
    assert figure.value is not None, key
    return figure.value


@slow
def test_our_figures_are_those_of_ultralytics_validation(
    trained: Path, drawn: Collection, surfaces: DatasetAbout, panel: Panel, tmp_path: Path
) -> None:
    torch_panel = read_panel(trained / EVALUATIONS / "torch")
    names = dict(enumerate(surfaces.classes))
    theirs = trainer.validate(
        "yolo11n", trained / "best.safetensors", names, Path(drawn.name) / "data.yaml", "val",
        tmp_path,
    )  # fmt: skip
    assert theirs["map50"] > 0.3
    assert value(torch_panel, "map50") == pytest.approx(theirs["map50"], abs=0.002)
    assert value(torch_panel, "map50_95") == pytest.approx(theirs["map50_95"], abs=0.002)


@slow
def test_exports_answer_as_torch_does_and_the_gate_lets_them_pass(
    trained: Path, panel: Panel
) -> None:
    int8 = read_panel(trained / EVALUATIONS / "int8")
    assert value(panel, "parity_scores") < 0.01
    assert value(panel, "parity_boxes") > 0.98
    assert value(int8, "parity_boxes") > 0.8
    assert all(row.holds for row in gate(panel, None))
    assert [row.key for row in gate(panel, panel)] == ["defects", "parity", "no_worse"]
    worse = panel.model_copy(
        update={
            "figures": tuple(
                one.model_copy(update={"value": 0.2}) if one.key == "map50" else one
                for one in panel.figures
            )
        }
    )
    assert [row.holds for row in gate(worse, panel)] == [True, True, False]


@slow
def test_the_gate_refuses_an_export_that_was_damaged(
    copy: Path, drawn: Collection, tmp_path: Path
) -> None:
    network = onnx.load(str(copy / "model.onnx"))
    weights = [one for one in network.graph.initializer if len(one.dims) == 4][20]
    spoilt = numpy_helper.to_array(weights) * np.float16(1.3)
    weights.CopyFrom(numpy_helper.from_array(spoilt.astype(np.float16), weights.name))
    onnx.save(network, str(copy / "model.onnx"))
    (copy / "model.int8.onnx").unlink()
    few = replace(drawn, samples=drawn.samples[:2])
    found = measured(Artefact.read(copy), few, tmp_path / "out", lambda *told: None)
    rows = {row.key: row.holds for row in gate(found, None)}
    assert rows["parity"] is False


@slow
def test_the_panel_has_intervals_curves_confusion_and_pictures(trained: Path, panel: Panel) -> None:
    for key in ("map50", "map50_95", "missed", "escape"):
        figure = panel.figure(key)
        assert figure is not None
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
    parts, pictures = panel.figure("escape"), panel.figure("escape_pictures")
    assert parts is not None
    assert pictures is not None
    assert (parts.count or 0) < (pictures.count or 0)
    assert len(panel.slices) == 7
    assert panel.confusion is not None
    assert len(panel.confusion.values) == len(panel.confusion.labels) == 8
    assert panel.plots
    assert all(len(plot.points) == 101 for plot in panel.plots)
    for mistake in panel.mistakes:
        image = cv2.imread(str(trained / PICTURES / mistake.picture))
        assert image is not None
        assert max(image.shape) >= 300


@slow
def test_predictions_are_what_operating_points_are_fitted_from(
    trained: Path, panel: Panel, surfaces: DatasetAbout, drawn: Collection
) -> None:
    lines = (trained / PREDICTIONS).read_text().splitlines()
    found = predictions.read(lines, surfaces.classes, surfaces.severities)
    assert len(found.names) == len(drawn.samples)
    assert len(found.parts) == len(drawn.samples) // 2
    assert len(found.truth.owner) == sum(len(one.boxes) for one in drawn.samples)
    assert set(json.loads(lines[0])) == {
        "name", "group", "split", "width", "height", "truth", "boxes",
    }  # fmt: skip
    assert (trained / EVALUATIONS / "int8" / PREDICTIONS).is_file()


def looked(truth: list[list[float]], found: list[list[float]], name: str = "one") -> Looked:
    sample = Sample(
        name=name, file=Path(name), width=100, height=100, group="", split="val",
        boxes=np.array([[row[4], *row[:4]] for row in truth], np.float32).reshape(-1, 5),
    )  # fmt: skip
    rows = np.array(found, np.float32).reshape(-1, 6)
    return Looked(
        sample=sample, truth=np.array(truth, np.float32).reshape(-1, 5), found=rows, served=rows
    )


def test_average_precision_is_that_of_a_ranking_worked_out_by_hand() -> None:
    # Right, wrong, right; two true boxes: precision 1 up to recall 1/2, then 2/3 up to 1. The 101
    # points are read with straight lines between places of the ranking.
    correct = np.array([[True], [False], [True]])
    assert from_hits(correct, 2)[0] == pytest.approx(0.8317, abs=0.01)
    assert from_hits(correct[:1], 1)[0] == pytest.approx(0.995, abs=0.01)
    assert from_hits(np.zeros((3, 1), bool), 2)[0] == pytest.approx(0.0, abs=0.01)


def test_intervals_hold_the_figure_and_a_class_without_true_boxes_has_none() -> None:
    pictures = [
        looked([[0, 0, 10, 10, 0]], [[0, 0, 10, 10, 0.9 - index / 100, 0]] if index % 2 else [],
               name=f"{index}")
        for index in range(12)
    ]  # fmt: skip
    found = bootstrap.figures(pictures, 2)
    whole = measure([each.found for each in pictures], [each.truth for each in pictures], 2)
    assert found.map50.value == pytest.approx(whole.map50)
    assert found.map50.low is not None
    assert found.map50.high is not None
    assert found.map50.low < whole.map50 < found.map50.high
    assert found.by_class[1][0].value is None
    assert found.boxes == (12, 0)
    assert bootstrap.figures(pictures, 2) == found


def test_the_confusion_counts_each_box_once() -> None:
    one = looked(
        [[0, 0, 10, 10, 0], [50, 50, 60, 60, 1]],
        [[0, 0, 10, 10, 0.9, 1], [1, 1, 10, 10, 0.8, 0], [80, 80, 90, 90, 0.7, 1],
         [50, 50, 60, 60, 0.2, 1]],
    )  # fmt: skip
    said = confusion([one], ("hole", "bar"), 0.5)
    # The hole was called a bar; the second box there and the third are false; the bar is missed.
    assert said.values == ((0, 1, 0), (0, 0, 1), (1, 1, 0))
    assert said.labels[2] == "–"
    assert confusion([looked([], [])], ("hole", "bar"), 0.5).values[2] == (0, 0, 0)
