"""The runner for a device finds what the one on the CPU finds; here on the device ``cpu``."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.defect_detection import app as declared
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.gpu.admit import admit
from apps.defect_detection.inference.gpu.runner import GpuDetectorRunner
from apps.defect_detection.inference.runner import DetectorRunner
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import DecodeElsewhere, DeviceLost
from loupe.contract.runtime.payload import Payload
from loupe.contract.runtime.steps import load

FOLDER = Path(declared.__file__).parent
ARTEFACT = FOLDER / "models" / "surfaces"
SAMPLES = sorted((FOLDER / "samples").glob("*.jpg"))[1:3]
MANIFEST = json.loads((ARTEFACT / "manifest.json").read_text())
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="module", autouse=True)
def one_core() -> Iterator[None]:
    """torch's threads wait for each other by spinning, which costs most beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runner() -> Iterator[GpuDetectorRunner]:
    runner = GpuDetectorRunner(ARTEFACT, MANIFEST, device=DEVICE)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def usual() -> Iterator[DetectorRunner]:
    runner = DetectorRunner(ARTEFACT, MANIFEST)
    yield runner
    runner.close()


def same_boxes(found: np.ndarray, expected: np.ndarray, pixels: float) -> None:
    """Every confident box has its like within so many pixels, of the same class."""
    for some, others in ((found, expected), (expected, found)):
        for box in some[some[:, 4] > 0.3]:
            apart = np.abs(others[:, :4] - box[:4]).max(axis=1, initial=0)
            assert ((apart <= pixels) & (others[:, 5] == box[5])).any(), (box, others)


def test_pixels_give_the_boxes_of_the_usual_runner(
    runner: GpuDetectorRunner, usual: DetectorRunner
) -> None:
    requests = [decode(path, {}) for path in SAMPLES]
    found = runner.infer(requests, StageClock())
    assert sum(len(answer.arrays["boxes"]) for answer in found) > 0
    for answer, expected in zip(found, usual.infer(requests, StageClock()), strict=True):
        same_boxes(answer.arrays["boxes"], expected.arrays["boxes"], 1.0)
        told = {**expected.meta, "runtime": answer.meta["runtime"]}
        assert answer.meta == told


def test_files_decoded_on_the_device_give_the_boxes_of_their_pixels(
    runner: GpuDetectorRunner,
) -> None:
    clock = StageClock()
    files = [taken for path in SAMPLES if (taken := admit(path, {})) is not None]
    assert len(files) == len(SAMPLES)
    found = runner.infer(files, clock)
    assert {"decode", "infer"} <= set(clock.times_ms)
    pixels = runner.infer([decode(path, {}) for path in SAMPLES], StageClock())
    for answer, expected in zip(found, pixels, strict=True):
        same_boxes(answer.arrays["boxes"], expected.arrays["boxes"], 3.0)
        assert answer.meta["width"] == expected.meta["width"]


def test_a_large_picture_is_tiled_from_its_bytes_as_from_its_pixels(
    runner: GpuDetectorRunner,
) -> None:
    taken = admit(SAMPLES[0], {})
    assert taken is not None
    small = {"tile_above": 640}
    request = Payload(arrays=taken.arrays, meta={**taken.meta, **small})
    plain = decode(SAMPLES[0], {})
    pixels = Payload(arrays=plain.arrays, meta={**plain.meta, **small})
    (from_file,) = runner.infer([request], StageClock())
    (from_pixels,) = runner.infer([pixels], StageClock())
    assert from_file.meta["tiles"] == from_pixels.meta["tiles"]
    assert from_file.meta["tiles"] == runner.items(request) == runner.items(pixels)
    same_boxes(from_file.arrays["boxes"], from_pixels.arrays["boxes"], 3.0)


def test_requests_of_equal_options_share_a_call_and_others_do_not(
    runner: GpuDetectorRunner,
) -> None:
    def request(**meta: float) -> Payload:
        return Payload(arrays={"encoded": np.zeros(4, np.uint8)}, meta=meta)

    assert runner.group(request()) == runner.group(request(score_floor=0.1))
    assert runner.group(request()) != runner.group(request(score_floor=0.2))
    assert runner.group(Payload(meta={"embed": [[0, 0, 1, 1]]})) is None
    assert runner.batching.static


def test_a_file_the_device_cannot_decode_is_sent_elsewhere(runner: GpuDetectorRunner) -> None:
    request = Payload(arrays={"encoded": np.frombuffer(b"\xff\xd8\xff" + bytes(50), np.uint8)})
    with pytest.raises(DecodeElsewhere, match="is not decoded on"):
        runner.infer([request], StageClock())


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_torch_does_not_see_is_a_lost_device() -> None:
    with pytest.raises(DeviceLost, match="torch sees no GPU"):
        GpuDetectorRunner(ARTEFACT, MANIFEST, device="cuda:0")


def test_the_app_declares_both_ways_of_both_steps() -> None:
    decoding, detecting = declared.App.steps
    assert load(decoding.run_on("cuda:0") or "") is admit
    assert load(detecting.run_on("cuda:1") or "") is GpuDetectorRunner
    assert decoding.run_on("cpu") is None
    assert detecting.run_on("cpu") is None
