"""Results leave as JSON lines, CSV, COCO and an annotated picture that other tools can read."""

import csv
import io
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from apps.defect_detection import exports
from apps.defect_detection.decide import decide
from apps.defect_detection.inference.annotate import annotate
from apps.defect_detection.schema import Box, DetectionResult, ImageFacts, OperatingPoint
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.results import Provenance
from tests.apps.defect_detection.pictures import SAMPLES


@dataclass
class View:
    """One stored result."""

    id: int
    name: str
    data: DetectionResult
    sha256: str = "ab" * 32
    times_ms: Mapping[str, float] = field(default_factory=lambda: {"infer": 40.0})
    provenance: Provenance = field(
        default_factory=lambda: Provenance(
            model_name="surfaces",
            model_version=1,
            artefact_sha256="cd" * 32,
            operating_point_version=2,
        )
    )

    @property
    def decision(self) -> DecisionDraft:
        return decide(self.data, OperatingPoint())

    def open_input(self) -> AbstractContextManager[Path]:
        return nullcontext(SAMPLES / "cast-crack.jpg")


def views() -> list[View]:
    image = ImageFacts(width=640, height=640, channels=3, bits=8)
    boxes = (
        Box(x1=10.5, y1=20, x2=110.25, y2=60, label="=HYPERLINK(1)", score=0.9, severity="major"),
        Box(x1=300, y1=300, x2=340, y2=320, label="pit", score=0.7, severity="critical"),
    )
    return [
        View(7, "+1+cmd|' /C calc'!A0.jpg", DetectionResult(image=image, boxes=boxes)),
        View(8, "零件.jpg", DetectionResult(image=image)),
    ]


def test_csv_has_a_row_a_box_and_runs_no_formula() -> None:
    out = io.BytesIO()
    exports.write_csv(views(), out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"))))
    assert [row["result"] for row in rows] == ["7", "7", "8"]
    for row in rows:
        assert not any(value.startswith(("=", "+", "@", "-")) for value in row.values())
    assert rows[0]["label"] == "'=HYPERLINK(1)"
    assert rows[0]["model_version"] == "1"
    assert rows[2]["outcome"] == "pass"


def test_coco_boxes_are_corner_and_size_and_refer_to_what_is_listed() -> None:
    out = io.BytesIO()
    exports.write_coco(views(), out)
    document = json.loads(out.getvalue())
    assert document["annotations"][0]["bbox"] == [10.5, 20, 99.75, 40]
    assert {one["image_id"] for one in document["annotations"]} <= {
        image["id"] for image in document["images"]
    }
    names = {one["id"]: one["name"] for one in document["categories"]}
    assert [names[one["category_id"]] for one in document["annotations"]] == [
        "=HYPERLINK(1)",
        "pit",
    ]


def test_no_results_still_make_valid_documents() -> None:
    for write in (exports.write_coco, exports.write_csv, exports.write_json):
        out = io.BytesIO()
        write([], out)
        if write is exports.write_coco:
            assert json.loads(out.getvalue())["images"] == []


def test_json_lines_carry_result_decision_and_provenance() -> None:
    out = io.BytesIO()
    exports.write_json(views(), out)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["decision"]["outcome"] == "fail"
    assert first["provenance"]["operating_point_version"] == 2
    assert DetectionResult.model_validate(second["result"]).boxes == ()


def test_the_annotated_picture_is_a_png_that_differs_along_the_boxes_only() -> None:
    view = views()[0]
    with view.open_input() as path:
        drawn = cv2.imdecode(np.frombuffer(annotate(path, exports.drawing(view)), np.uint8), 1)
        plain = cv2.imread(str(path))
    assert drawn is not None
    assert plain is not None
    changed = np.abs(drawn.astype(int) - plain).max(2) > 0
    assert drawn.shape == plain.shape
    assert changed[300, 300:340].mean() > 0.9
    assert not changed[450:, :].any()
