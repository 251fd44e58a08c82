"""The pipeline finds what the present path finds, image by image, with the model that ships."""

import json

import cv2
import numpy as np
import pytest

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.detect import Found, Options, detect
from apps.defect_detection.inference.gpu.detector import GpuDetector
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused, ModelRefused
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES

MANIFEST = json.loads((ARTEFACT / "manifest.json").read_text())


@pytest.fixture(scope="module")
def pipeline() -> GpuDetector:
    return GpuDetector(ARTEFACT, MANIFEST, device="cpu")


def by_present_path(images: list[np.ndarray], options: Options) -> list[Found]:
    model = DetectorModel.from_manifest(MANIFEST)
    runtime = open_runtime(ARTEFACT, MANIFEST, "torch")
    return [detect(runtime, model, image, options, StageClock()) for image in images]


def assert_same(ours: list[Found], expected: list[Found]) -> None:
    for one, other in zip(ours, expected, strict=True):
        assert one.tiles == other.tiles
        assert np.array_equal(one.boxes[:, 5], other.boxes[:, 5])
        # A batch is summed in another order than one picture.
        assert np.allclose(one.boxes[:, :4], other.boxes[:, :4], atol=0.02)
        assert np.allclose(one.boxes[:, 4], other.boxes[:, 4], atol=1e-4)


def test_pictures_of_any_sizes_in_one_batch_get_the_boxes_they_get_alone(
    pipeline: GpuDetector,
) -> None:
    names = ("cast-crack.jpg", "fabric-stain.jpg", "leather-good.jpg")
    images = [decode(SAMPLES / name, {}).arrays["image"] for name in names]
    images.append(cv2.resize(images[0], (900, 500)))
    options = Options(score_floor=0.1, overlap=0.6)
    ours = pipeline.detect(images, options)
    assert_same(ours, by_present_path(images, options))
    assert min(len(found.boxes) for found in (ours[0], ours[1], ours[3])) > 0


@pytest.mark.slow
def test_a_large_picture_is_looked_at_in_tiles_in_the_same_batch(pipeline: GpuDetector) -> None:
    small, chip = (
        decode(SAMPLES / f"{name}.jpg", {}).arrays["image"]
        for name in ("cast-crack", "painted-chip")
    )
    large = cv2.copyMakeBorder(chip, 330, 30, 500, 560, cv2.BORDER_REFLECT_101)
    options = Options(score_floor=0.3)
    ours = pipeline.detect([large, small], options)
    assert ours[0].tiles > 4
    assert_same(ours, by_present_path([large, small], options))
    assert len(ours[0].boxes)


def test_what_is_no_picture_and_what_torch_cannot_build_is_refused(pipeline: GpuDetector) -> None:
    with pytest.raises(InputRefused, match=r"uint8 \[4, 4\]"):
        pipeline.detect([np.zeros((4, 4), np.uint8)], Options())
    assert pipeline.detect([], Options()) == []
    with pytest.raises(ModelRefused, match="head"):
        GpuDetector(ARTEFACT, {**MANIFEST, "head": "anchors"}, device="cpu")
