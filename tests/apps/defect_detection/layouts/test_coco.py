"""COCO files as exporters write them, and as they break."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.defect_detection.labels import ImageLabels
from apps.defect_detection.layouts import coco
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.layouts.folders import picture, put


def document(**changes: Any) -> dict[str, Any]:
    """One picture, 64 × 48, with one box."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [8, 4, 16, 12]}],
        "categories": [{"id": 3, "name": "scratch"}],
        **changes,
    }


def read(tmp_path: Path, said: object) -> ReadDataset:
    if not (tmp_path / "images" / "a.png").exists():
        picture(tmp_path / "images" / "a.png")
    put(tmp_path, {"annotations/instances_train.json": json.dumps(said)})
    return coco.read(tmp_path, {})


def labels_of(found: ReadDataset) -> ImageLabels | None:
    labels = found.records[0].labels
    assert labels is None or isinstance(labels, ImageLabels)
    return labels


def test_boxes_and_the_split_come_from_file_and_name(tmp_path: Path) -> None:
    found = read(tmp_path, document())
    labels = labels_of(found)
    assert labels is not None
    box = labels.boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2, box.label) == (8, 4, 24, 16, "scratch")
    assert found.records[0].split == "train"
    assert found.problems == ()


@pytest.mark.parametrize(
    ("changes", "code", "labelled"),
    [
        ({"images": [{"file_name": "a.png"}]}, "missing_id", False),
        ({"categories": [{"name": "scratch"}]}, "missing_id", False),
        (
            {"annotations": [{"id": 1, "category_id": 3, "bbox": [1, 1, 2, 2]}]},
            "missing_id",
            True,
        ),
        (
            {"annotations": [{"id": 1, "image_id": 9, "category_id": 3, "bbox": [1, 1, 2, 2]}]},
            "unknown_image",
            True,
        ),
        (
            {"annotations": [{"id": 1, "image_id": 1, "category_id": 8, "bbox": [1, 1, 2, 2]}]},
            "unknown_class",
            False,
        ),
        (
            {"annotations": [{"id": 1, "image_id": 1, "category_id": 3}]},
            "bad_box",
            False,
        ),
        (
            {"annotations": [
                {"id": 1, "image_id": 1, "category_id": 3, "bbox": [float("nan"), 1, 2, 2]}
            ]},
            "not_finite",
            False,
        ),
        (
            {"annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [900, 1, 2, 2]}]},
            "out_of_range",
            False,
        ),
        (
            {"images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}]},
            "size_differs",
            False,
        ),
        ({"images": [{"id": 1, "file_name": "b.png"}]}, "missing_picture", False),
        ({"images": [{"id": 1}]}, "missing_name", False),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_costs_no_more_than_its_picture(
    tmp_path: Path, changes: dict[str, Any], code: str, labelled: bool
) -> None:
    found = read(tmp_path, document(**changes))
    assert code in {problem.code for problem in found.problems if problem.fatal}
    assert [record.name for record in found.records] == ["images/a.png"]
    assert (labels_of(found) is not None) == labelled


def test_an_annotation_without_a_class_is_said_to_have_none(tmp_path: Path) -> None:
    found = read(tmp_path, document(annotations=[{"id": 1, "image_id": 1, "bbox": [1, 1, 2, 2]}]))
    (problem,) = found.problems
    assert problem.reason == "annotations[0] has no category_id."


def test_two_images_of_one_name_and_of_one_id_are_named(tmp_path: Path) -> None:
    image = document()["images"][0]
    found = read(tmp_path, document(images=[image, image | {"id": 2}, image]))
    assert [problem.code for problem in found.problems] == ["duplicate_name", "duplicate_id"]


@pytest.mark.parametrize("name", ["../../secret.png", "{root}/secret.png", "C:\\secret.png"])
def test_a_name_never_leaves_the_dataset(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "secret.png")
    inside = tmp_path / "set"
    image = {"id": 1, "file_name": name.format(root=tmp_path)}
    found = read(inside, document(images=[image]))
    assert [record.name for record in found.records] == ["images/a.png"]
    assert "missing_picture" in {problem.code for problem in found.problems}


def test_an_image_without_annotations_is_a_good_part_and_an_unlisted_one_is_unlabelled(
    tmp_path: Path,
) -> None:
    picture(tmp_path / "images" / "b.png", seed=2)
    found = read(tmp_path, document(annotations=[]))
    by_name = {record.name: record.labels for record in found.records}
    assert by_name["images/a.png"] == ImageLabels(width=64, height=48)
    assert by_name["images/b.png"] is None


@pytest.mark.parametrize("text", ["{", '{"annotations": 3, "images": [], "categories": []}'])
def test_a_broken_file_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    put(tmp_path, {"annotations.json": text + ' "annotations"'})
    with pytest.raises(InputRefused, match=r"annotations\.json"):
        coco.read(tmp_path, {})


def test_nesting_that_would_overflow_is_refused(tmp_path: Path) -> None:
    text = '{"annotations": ' + "[" * 100_000
    put(tmp_path, {"annotations.json": text})
    with pytest.raises(InputRefused, match="no JSON"):
        coco.read(tmp_path, {})
