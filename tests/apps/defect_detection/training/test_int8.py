"""Promises of INT8 artefacts: rounded where it costs nothing, chosen by measuring, or refused."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.export import write_onnx
from apps.defect_detection.training.choosing import MOST_PARTS, choose, drift
from apps.defect_detection.training.collection import Collection
from apps.defect_detection.training.evaluation.bootstrap import map50_loss
from apps.defect_detection.training.evaluation.evaluating import Artefact, measured
from apps.defect_detection.training.gate import broken_parity, gate
from apps.defect_detection.training.pictures import load
from apps.defect_detection.training.quantise import ANSWERS, Quantiser, inputs
from loupe.contract.runtime.panel import Figure
from loupe.contract.runtime.training import EVALUATIONS, PREDICTIONS
from tests.apps.defect_detection.training.made import labelled
from tests.apps.defect_detection.training.test_evaluation import looked

SIZE = 64


@pytest.fixture(scope="module", params=["yolo11n", "yolo26n"])
def quantiser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Quantiser:
    """An untrained network of each family, calibrated on three pictures."""
    folder = tmp_path_factory.mktemp("int8")
    torch.manual_seed(0)
    free = request.param == "yolo26n"
    module = architectures.build(request.param, 2, free).eval().fuse(verbose=False)
    module.names = {0: "hole", 1: "bar"}
    write_onnx(module, folder / "fp32.onnx", SIZE)
    pictures = load(labelled(folder / "pictures", 3, SIZE), SIZE, torch.device("cpu"), 1)
    return Quantiser(folder / "fp32.onnx", inputs(pictures, 0, 3, lambda: None))


def convolutions(path: Path) -> dict[str, bool]:
    """By name, whether what enters it was rounded to 8 bits; and nothing that leaves one is."""
    graph = onnx.load(str(path)).graph
    made = {name: node for node in graph.node for name in node.output}
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            before = made.get(node.input[0])
            found[node.name] = before is not None and before.op_type == "DequantizeLinear"
        if node.op_type == "QuantizeLinear" and node.input[0] in made:
            assert made[node.input[0]].op_type != "Conv", node.name
    return found


def test_every_convolution_but_the_heads_answers_works_in_8_bits(
    quantiser: Quantiser, tmp_path: Path
) -> None:
    quantiser.write(tmp_path / "int8.onnx")
    found = convolutions(tmp_path / "int8.onnx")
    assert len(found) > 50
    assert {name for name, rounded in found.items() if not rounded} == {
        name for name in found if ANSWERS.search(name)
    }
    assert any(ANSWERS.search(name) for name in found)


def test_a_part_that_stays_in_32_bits_is_left_alone_and_the_rest_is_not(
    quantiser: Quantiser, tmp_path: Path
) -> None:
    quantiser.write(tmp_path / "int8.onnx", ["/model.0/"])
    found = convolutions(tmp_path / "int8.onnx")
    assert found["/model.0/conv/Conv"] is False
    assert found["/model.1/conv/Conv"] is True
    assert "/model.0/" in quantiser.parts
    assert any(part.startswith("/model.23/") for part in quantiser.parts)


def test_drift_is_nothing_for_the_same_boxes_and_one_for_others() -> None:
    rows = np.array([[0, 0, 10, 10, 0.9, 0], [20, 20, 30, 30, 0.1, 1]], np.float32)
    moved = rows + np.array([100, 100, 100, 100, 0, 0], np.float32)
    other = rows + np.array([0, 0, 0, 0, 0, 1], np.float32)
    weaker = rows - np.array([0, 0, 0, 0, 0.1, 0], np.float32)
    assert drift([rows], [rows]) == pytest.approx(0, abs=1e-6)
    assert drift([rows], [moved]) == drift([rows], [other]) == drift([rows], [rows[:0]]) == 1
    assert drift([rows], [weaker]) == pytest.approx(0.1, abs=1e-5)
    assert drift([rows[1:]], [rows[:0]]) == 0


def test_the_parts_that_cost_most_stay_in_32_bits_and_only_few_do() -> None:
    costs = {f"/model.{number}/": 0.01 * number for number in range(12)}
    asked: list[tuple[str, ...]] = []

    def drift_with(in_float: Sequence[str]) -> float:
        asked.append(tuple(in_float))
        return sum(cost for part, cost in costs.items() if part not in in_float)

    found = choose(tuple(costs), drift_with, 0.5)
    assert found.in_float == ("/model.11/", "/model.10/")
    assert found.drift == pytest.approx(0.45)
    assert asked[-1] == found.in_float
    assert choose(tuple(costs), drift_with, 1.0).in_float == ()
    assert len(choose(tuple(costs), drift_with, 0).in_float) == MOST_PARTS


def test_the_loss_is_paired_and_nothing_for_the_same_boxes() -> None:
    box = [[0.0, 0, 10, 10, 0]]
    before = [looked(box, [[0, 0, 10, 10, 0.9 - n / 100, 0]], f"{n}") for n in range(20)]
    after = [*before[:18], *(looked(box, [], f"{n}") for n in (18, 19))]
    same, worse = map50_loss(before, before, 1), map50_loss(before, after, 1)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert worse.value == pytest.approx(0.1, abs=0.02)
    assert worse.value is not None
    assert worse.low is not None
    assert worse.high is not None
    assert worse.low <= 0.03 < worse.value < worse.high < 0.35
    assert map50_loss([looked([], [])], [looked([], [])], 1).value is None


def parity(loss: float | None, high: float | None, boxes: float = 0.95) -> list[Figure]:
    told = (("parity_scores", 0.2, None), ("parity_boxes", boxes, None))
    return [
        Figure(key=key, en=key, zh=key, value=value, high=top)
        for key, value, top in (*told, ("parity_map50_loss", loss, high))
    ]


def test_int8_may_lose_half_a_point_of_map50_and_says_what_it_lost() -> None:
    assert broken_parity(parity(0.004, 0.012), "int8") == []
    lost = broken_parity(parity(0.0061, 0.012), "int8")
    assert lost == [
        (
            "mAP50 is lower by 0.0061, at most 0.005 is allowed",
            "mAP50 低了 0.0061（允许最多 0.005）",
        )
    ]
    assert "so few pictures" in broken_parity(parity(0.001, 0.08), "int8")[0][0]
    assert "shared boxes are 0.5000" in broken_parity(parity(0.001, 0.01, 0.5), "int8")[0][0]
    assert "unknown amount" in broken_parity(parity(None, None), "int8")[0][0]
    assert "a score differs" in broken_parity(parity(0.001, 0.002, 0.99), "onnx")[0][0]


@pytest.mark.slow
def test_a_spoilt_int8_network_is_refused_with_the_reason_and_onnx_serves(
    copy: Path, drawn: Collection, tmp_path: Path
) -> None:
    network = onnx.load(str(copy / "model.int8.onnx"))
    scales = [each for each in network.graph.initializer if each.name.endswith("weight_scale")]
    for scale in scales[5:25]:
        spoilt = numpy_helper.to_array(scale) * np.float32(1.6)
        scale.CopyFrom(numpy_helper.from_array(spoilt, scale.name))
    onnx.save(network, str(copy / "model.int8.onnx"))
    few = replace(drawn, samples=drawn.samples[:2])
    asked = Artefact.read(copy).served_by("int8")
    found = measured(asked, few, tmp_path / "kept", lambda *told: None)
    row = next(row for row in gate(found, None) if row.key == "parity")
    assert found.runtime == "int8"
    assert row.holds is False
    assert "is allowed" in row.en
    chosen = measured(asked, few, tmp_path / "chosen", lambda *told: None, choose=True)
    assert chosen.runtime == Artefact.read(copy).serving == "onnx"
    assert (tmp_path / "chosen" / EVALUATIONS / "int8" / PREDICTIONS).read_text() == (
        tmp_path / "kept" / PREDICTIONS
    ).read_text()
    assert (tmp_path / "chosen" / PREDICTIONS).read_text() == (
        tmp_path / "kept" / EVALUATIONS / "onnx" / PREDICTIONS
    ).read_text()
