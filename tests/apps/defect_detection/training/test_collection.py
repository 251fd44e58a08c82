"""Promises about the data of a training: what is refused, and what is dealt to which split."""

from pathlib import Path

import numpy as np
import pytest

from apps.defect_detection.training import collection, splitting, views
from apps.defect_detection.training.collection import Sample
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.training.made import yolo_set


def named(folder: Path, names: str) -> None:
    text = (folder / "data.yaml").read_text()
    (folder / "data.yaml").write_text(text.replace("names: [hole, bar]", f"names: {names}"))


def refused(folder: Path) -> InputRefused:
    with pytest.raises(InputRefused) as refusal:
        collection.for_training(collection.read(folder), 0)
    assert refusal.value.message.endswith(".")
    return refusal.value


def test_a_folder_is_read_with_its_own_splits_and_boxes_in_pixels(tmp_path: Path) -> None:
    found = collection.for_training(collection.read(yolo_set(tmp_path)), 0)
    assert [len(found.of(split)) for split in ("train", "val")] == [8, 4]
    assert {tuple(np.round(one.boxes[0, 3:] - one.boxes[0, 1:3])) for one in found.samples
            if len(one.boxes)} <= {(24, 24), (40, 14)}  # fmt: skip


def test_no_class_at_all_is_refused_and_one_class_is_enough(tmp_path: Path) -> None:
    none = yolo_set(tmp_path / "none")
    named(none, "[]")
    for label in (none / "labels").rglob("*.txt"):
        label.write_text("")
    assert refused(none).code == "no_classes"
    one = yolo_set(tmp_path / "one")
    named(one, "[flaw]")
    for label in (one / "labels").rglob("*.txt"):
        label.write_text("".join(f"0 {line[2:]}\n" for line in label.read_text().splitlines()))
    assert collection.for_training(collection.read(one), 0).about.classes == ("flaw",)


def test_an_empty_split_and_a_split_without_boxes_are_refused(tmp_path: Path) -> None:
    empty = yolo_set(tmp_path / "empty")
    for path in (empty / "images" / "val").iterdir():
        path.unlink()
    assert refused(empty).code == "split_empty"
    assert "Label more" in str(refused(empty))
    nothing = yolo_set(tmp_path / "nothing")
    for label in (nothing / "labels" / "train").iterdir():
        label.write_text("")
    assert refused(nothing).code == "no_boxes"


def test_a_group_on_both_sides_of_a_split_is_refused(tmp_path: Path) -> None:
    folder = yolo_set(tmp_path)
    (folder / "groups.csv").write_text(
        "name,group\nimages/train/000.png,board-1\nimages/val/008.png,board-1\n"
    )
    found = refused(folder)
    assert found.code == "group_on_both_sides"
    assert "board-1" in found.message


def test_without_splits_groups_and_near_duplicates_stay_together() -> None:
    rng = np.random.default_rng(0)
    count = 60
    names = [f"{index:03d}.png" for index in range(count)]
    groups = [f"lot-{index // 5}" if index < 30 else "" for index in range(count)]
    prints = rng.integers(-(2**63), 2**63 - 1, count)
    # Pairs that differ in one bit.
    prints[31::2] = prints[30::2] ^ 1
    classes = [{"hole": 1} if index % 3 else {"bar": 2} for index in range(count)]
    for seed in range(5):
        splits = splitting.deal(names, groups, prints.tolist(), classes, seed)
        assert splits == splitting.deal(names, groups, prints.tolist(), classes, seed)
        assert 5 <= splits.count("val") <= 18
        for lot in range(6):
            assert len(set(splits[lot * 5 : lot * 5 + 5])) == 1
        assert splits[30::2] == splits[31::2]
        assert {"hole", "bar"} <= {
            name for index, one in enumerate(classes) if splits[index] == "val" for name in one
        }
    assert splitting.deal(names, groups, prints.tolist(), classes, 1) != splitting.deal(
        names, groups, prints.tolist(), classes, 2
    )


def test_pictures_that_all_look_alike_are_still_split() -> None:
    names = [f"{index}.png" for index in range(20)]
    splits = splitting.deal(names, [""] * 20, [7] * 20, [{"hole": 1}] * 20, 0)
    assert 2 <= splits.count("val") <= 6
    assert splitting.deal(["a", "b"], ["", ""], [1, -5], [{}, {}], 0).count("val") == 1


def test_large_pictures_are_learned_in_tiles_with_boxes_cut_at_their_edges() -> None:
    boxes = np.array([[0, 10, 10, 60, 60], [1, 630, 300, 700, 340]], np.float32)
    large = Sample(
        name="large", file=Path("large.png"), width=2000, height=1200, boxes=boxes,
        group="", split="train",
    )  # fmt: skip
    found = views.views([large], 640)
    assert found[0].part is None
    parts = [view for view in found[1:] if view.part]
    assert len(parts) == len(found) - 1 > 2
    for view in parts:
        left, top, width, height = view.part or (0, 0, 0, 0)
        assert left + width <= 2000
        assert top + height <= 1200
        assert (view.boxes[:, 1:] >= 0).all()
        assert (view.boxes[:, 3] <= width).all()
    seen = {int(row[0]) for view in parts for row in view.boxes}
    assert seen == {0, 1}
    small = Sample(
        name="small", file=Path("small.png"), width=1000, height=900, boxes=boxes,
        group="", split="train",
    )  # fmt: skip
    assert len(views.views([small], 640)) == len(views.views([large], 640, tiles=False)) == 1
