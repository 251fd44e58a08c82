"""From the file to boxes, Loupe answers as Ultralytics' `predict` does with the same weights."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from apps.defect_detection.app import App
from apps.defect_detection.benchmarks.agreement import compare
from apps.defect_detection.benchmarks.peers import load_peer
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.runner import DetectorRunner
from apps.defect_detection.schema import DetectionResult, OperatingPoint
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.payload import Payload
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES

DEEPPCB = Path(__file__).resolve().parents[5] / "shared" / "data" / "deeppcb"


@cache
def runner() -> DetectorRunner:
    return DetectorRunner(ARTEFACT, json.loads((ARTEFACT / "manifest.json").read_text()))


def inspected(path: Path) -> tuple[DetectionResult, dict[str, float]]:
    decoded = decode(path, {"max_pixels": 100_000_000})
    options = App.request(OperatingPoint())
    clock = StageClock()
    request = Payload(arrays=decoded.arrays, meta={**decoded.meta, **options})
    return App.assemble(runner().infer([request], clock)[0]), clock.times_ms


def rows(result: DetectionResult) -> list[Any]:
    return [[b.x1, b.y1, b.x2, b.y2, b.score, b.label] for b in result.boxes]


@pytest.mark.slow
def test_boxes_on_the_samples_equal_ultralytics_predict() -> None:
    predict = load_peer("torch", ARTEFACT)
    theirs, ours = {}, {}
    for path in sorted(SAMPLES.glob("*.jpg")):
        found = predict(path, 0.1, 0.7)
        theirs[path.name] = [
            [*row[:5], found.names[int(row[5])]] for row in found.boxes.data.tolist()
        ]
        ours[path.name] = rows(inspected(path)[0])
    agreement = compare(theirs, ours, threshold=0.25)
    assert agreement.boxes >= 10
    assert agreement.same, agreement


@pytest.mark.slow
def test_boxes_on_real_boards_equal_ultralytics_predict() -> None:
    if not DEEPPCB.exists():
        pytest.skip("the DeepPCB images are not on this machine")
    predict = load_peer("torch", ARTEFACT)
    theirs, ours = {}, {}
    for path in sorted((DEEPPCB / "images").glob("*.jpg"))[:12]:
        found = predict(path, 0.1, 0.7)
        theirs[path.name] = [
            [*row[:5], found.names[int(row[5])]] for row in found.boxes.data.tolist()
        ]
        ours[path.name] = rows(inspected(path)[0])
    assert compare(theirs, ours, threshold=0.15).same


def test_samples_reach_the_decisions_their_names_promise() -> None:
    point = OperatingPoint()
    for path in sorted(SAMPLES.glob("*.jpg")):
        outcome = App.decide(inspected(path)[0], point).outcome
        assert (outcome == "pass") == path.stem.endswith("-good"), (path.name, outcome)


def test_stage_times_are_reported_for_every_part_of_the_way() -> None:
    _, times = inspected(SAMPLES / "cast-crack.jpg")
    assert set(times) == {"preprocess", "infer", "postprocess"}
