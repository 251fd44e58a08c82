"""Large images: every pixel is looked at, and a defect on a seam is one defect."""

import json
from itertools import pairwise

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.detect import Options, detect
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import open_runtime
from apps.defect_detection.inference.tiles import OVERLAP, corners, merge
from loupe.contract.runtime.clock import StageClock
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_tiles_cover_every_pixel_and_share_the_overlap(width: int, height: int) -> None:
    size = 640
    lefts = sorted({left for left, _ in corners(width, height, size)})
    assert lefts[0] == 0
    assert lefts[-1] == max(0, width - size)
    for one, other in pairwise(lefts):
        assert one + size - other >= OVERLAP


def test_parts_of_one_defect_become_one_box_and_other_classes_stay() -> None:
    rows = np.array(
        [
            [100, 100, 300, 140, 0.9, 0],
            [180, 102, 420, 141, 0.7, 0],
            [150, 100, 380, 138, 0.6, 1],
            [800, 800, 850, 850, 0.5, 0],
        ],
        np.float32,
    )
    found = merge(rows)
    assert found[:, 4].tolist() == np.array([0.9, 0.6, 0.5], np.float32).tolist()
    assert found[0, :4].tolist() == [100, 100, 420, 141]


def test_a_defect_on_the_seams_of_a_large_picture_is_found_once() -> None:
    manifest = json.loads((ARTEFACT / "manifest.json").read_text())
    model = DetectorModel.from_manifest(manifest)
    runtime = open_runtime(ARTEFACT, manifest)
    chip = decode(SAMPLES / "painted-chip.jpg", {}).arrays["image"]
    alone = detect(runtime, model, chip, Options(score_floor=0.5), StageClock()).boxes
    box = alone[alone[:, 5] == model.classes.index("missing_material")][0]
    lefts = sorted({left for left, _ in corners(1900, 1300, model.size)})
    # Put the chip's middle onto the edge of the second column of tiles.
    shift = int(lefts[1] - (box[0] + box[2]) / 2)
    large = cv2.copyMakeBorder(chip, 330, 330, shift, 1260 - shift, cv2.BORDER_REFLECT_101)
    found = detect(runtime, model, large, Options(score_floor=0.5), StageClock())
    middle = ((box[0] + box[2]) / 2 + shift, (box[1] + box[3]) / 2 + 330)
    hits = [
        row for row in found.boxes if row[0] < middle[0] < row[2] and row[1] < middle[1] < row[3]
    ]
    assert found.tiles > 4
    assert len([row for row in hits if row[5] == box[5]]) == 1
