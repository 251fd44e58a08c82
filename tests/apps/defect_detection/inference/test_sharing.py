"""Pictures that share a call of the network are found what each is found alone."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from apps.defect_detection.app import App
from apps.defect_detection.benchmarks.agreement import compare
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.runner import DetectorRunner
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES


def requests() -> list[Payload]:
    found = []
    for path in sorted(SAMPLES.glob("*.jpg"))[:2]:
        decoded = decode(path, {"max_pixels": 100_000_000})
        options = App.request(OperatingPoint())
        found.append(Payload(arrays=decoded.arrays, meta={**decoded.meta, **options}))
    # One of another shape: each becomes a square of the network's size.
    image = np.ascontiguousarray(found[0].arrays["image"][:300])
    return [*found, Payload(arrays={"image": image}, meta=found[0].meta)]


def boxes(answers: list[Payload]) -> dict[str, list[Any]]:
    return {str(n): answer.arrays["boxes"].tolist() for n, answer in enumerate(answers)}


@cache
def opened(runtime: str) -> DetectorRunner:
    manifest = json.loads((ARTEFACT / "manifest.json").read_text())
    return DetectorRunner(ARTEFACT, {**manifest, "runtime": runtime})


@pytest.fixture
def runner() -> DetectorRunner:
    return opened("openvino")


@pytest.mark.parametrize("runtime", ["openvino", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_shared_call_finds_the_boxes_of_single_calls(runtime: str) -> None:
    runner, asked = opened(runtime), requests()
    assert {runner.group(each) for each in asked} == {"view"}
    together = runner.infer(asked, StageClock())
    alone = [runner.infer([each], StageClock())[0] for each in asked]
    agreed = compare(boxes(alone), boxes(together), 0.1)
    assert agreed.boxes > 3
    # torch sums in another order for several pictures: some 1e-4 of a pixel.
    assert agreed.frames_differing == 0
    assert agreed.lowest_iou > 0.9999


def test_tiled_pictures_and_places_to_embed_are_calls_of_their_own(
    runner: DetectorRunner,
) -> None:
    large = Payload(arrays={"image": np.zeros((1700, 1700, 3), np.uint8)})
    places = Payload(arrays=requests()[0].arrays, meta={"embed": [[0, 0, 9, 9]]})
    assert runner.group(large) is runner.group(places) is None
    with pytest.raises(InputRefused, match="score_floor"):
        runner.group(Payload(arrays=requests()[0].arrays, meta={"score_floor": 7}))


def test_a_picture_of_the_wrong_form_spoils_the_call_it_shares(runner: DetectorRunner) -> None:
    wrong = Payload(arrays={"image": np.zeros((40, 40, 4), np.uint8)})
    with pytest.raises(InputRefused, match="uint8"):
        runner.infer([requests()[0], wrong], StageClock())
