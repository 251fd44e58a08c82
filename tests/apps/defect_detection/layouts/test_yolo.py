"""YOLO datasets as people have them, and as nobody should."""

import os
import pickle
import socket
from pathlib import Path

import pytest

from apps.defect_detection.labels import ImageLabels
from apps.defect_detection.layouts import yolo
from apps.defect_detection.layouts.opening import open_dataset
from loupe.contract.labelling import ReadDataset
from loupe.contract.runtime.errors import InputRefused
from tests.apps.defect_detection.layouts.folders import YAML, picture, put


def codes(found: ReadDataset) -> list[str]:
    return [problem.code for problem in found.problems]


def labels_of(found: ReadDataset, name: str) -> ImageLabels | None:
    labels = next(record for record in found.records if record.name == name).labels
    assert labels is None or isinstance(labels, ImageLabels)
    return labels


def one(tmp_path: Path, line: str, yaml: str = YAML) -> ReadDataset:
    """A dataset of one picture, 64 × 48, with these lines of boxes."""
    put(tmp_path, {"data.yaml": yaml, "images/a.png": "", "labels/a.txt": line})
    return open_dataset(tmp_path)


def test_shares_become_source_pixels(tmp_path: Path) -> None:
    found = one(tmp_path, "1 0.5 0.5 0.25 0.5\n")
    labels = labels_of(found, "images/a.png")
    assert labels is not None
    assert (labels.width, labels.height) == (64, 48)
    box = labels.boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2, box.label) == (24.0, 12.0, 40.0, 36.0, "pit")
    assert codes(found) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("0 nan .5 .1 .1", "not_finite"),
        ("0 inf .5 .1 .1", "not_finite"),
        ("7 .5 .5 .1 .1", "unknown_class"),
        ("-1 .5 .5 .1 .1", "unknown_class"),
        ("0.5 .5 .5 .1 .1", "unknown_class"),
        ("0 1.7 .5 .1 .1", "out_of_range"),
        ("0 .5 -3 .1 .1", "out_of_range"),
        ("0 .5 .5 .1", "bad_line"),
        ("0 .5 .5 .1 .1 .9", "bad_line"),
        ("zero .5 .5 .1 .1", "bad_line"),
        ("0 .5 .5 0 .1", "bad_box"),
    ],
)
def test_a_bad_line_costs_the_picture_its_labels_and_is_named(
    tmp_path: Path, line: str, code: str
) -> None:
    found = one(tmp_path, f"0 .2 .2 .1 .1\n{line}\n")
    problem = found.problems[0]
    assert (problem.code, problem.file, problem.line, problem.fatal) == (
        code, "labels/a.txt", 2, True,
    )  # fmt: skip
    assert labels_of(found, "images/a.png") is None


def test_a_box_beyond_the_edge_is_cut_and_pointed_out(tmp_path: Path) -> None:
    found = one(tmp_path, "0 0.95 0.5 0.4 0.5\n")
    labels = labels_of(found, "images/a.png")
    assert labels is not None
    assert labels.boxes[0].x2 == 64
    assert codes(found) == ["box_cut"]


def test_an_empty_label_file_says_the_part_is_good(tmp_path: Path) -> None:
    found = one(tmp_path, "")
    assert labels_of(found, "images/a.png") == ImageLabels(width=64, height=48)
    assert codes(found) == []


def test_outlines_become_their_bounding_boxes(tmp_path: Path) -> None:
    labels = labels_of(one(tmp_path, "0 .25 .25 .5 .75 .75 .25\n"), "images/a.png")
    assert labels is not None
    box = labels.boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2) == (16.0, 12.0, 48.0, 36.0)


def test_a_box_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    found = one(tmp_path, "0 .5 .5 .1 .1\n0 .5 .5 .1 .1\n")
    labels = labels_of(found, "images/a.png")
    assert labels is not None
    assert len(labels.boxes) == 1
    assert codes(found) == ["duplicate_box"]


def test_pictures_without_labels_and_labels_without_pictures_are_listed(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"data.yaml": YAML, "images/a.png": "", "images/b.png": "", "labels/a.txt": "",
         "labels/ghost.txt": "0 .5 .5 .1 .1"},
    )  # fmt: skip
    found = open_dataset(tmp_path)
    assert {(p.code, p.file) for p in found.problems} == {
        ("no_labels", "images/b.png"),
        ("no_picture", "labels/ghost.txt"),
    }
    assert labels_of(found, "images/b.png") is None
    good = open_dataset(tmp_path, {"unlabelled": "good"})
    assert labels_of(good, "images/b.png") == ImageLabels(width=64, height=48)


def test_two_pictures_cannot_share_a_label_file(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"data.yaml": YAML, "images/a.jpg": "", "images/a.png": "",
         "labels/a.txt": "0 .5 .5 .1 .1"},
    )  # fmt: skip
    found = open_dataset(tmp_path)
    assert codes(found) == ["duplicate_name"]
    assert sum(record.labels is not None for record in found.records) == 1


def test_download_is_never_followed_and_nothing_connects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something connects")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(os, "system", refuse)
    marker = tmp_path / "ran"
    yaml = YAML + f"download: |\n  import os; os.system('touch {marker}')\n"
    found = one(tmp_path, "", yaml)
    assert codes(found) == ["download_ignored"]
    assert not marker.exists()


def test_a_path_is_relative_to_its_file_and_an_absolute_one_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    picture(elsewhere / "images" / "secret.png")
    inside = put(
        tmp_path / "set",
        {"data.yaml": YAML.replace("path: .", f"path: {elsewhere}"), "images/a.png": "",
         "labels/a.txt": ""},
    )  # fmt: skip
    monkeypatch.chdir(elsewhere)
    found = open_dataset(inside)
    assert [record.name for record in found.records] == ["images/a.png"]
    assert codes(found) == ["path_ignored"]


def test_lists_may_not_leave_the_dataset(tmp_path: Path) -> None:
    picture(tmp_path / "secret.png")
    inside = put(
        tmp_path / "set",
        {"data.yaml": YAML.replace("train: images", "train: train.txt"), "images/a.png": "",
         "labels/a.txt": "", "train.txt": f"./images/a.png\n../secret.png\n{tmp_path}/secret.png\n"
         "./images/a.png\n"},
    )  # fmt: skip
    found = open_dataset(inside)
    assert [record.name for record in found.records] == ["images/a.png"]
    assert [(p.code, p.line) for p in found.problems] == [
        ("missing_picture", 2), ("missing_picture", 3), ("duplicate_name", 4),
    ]  # fmt: skip


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = picture(tmp_path / "secret.png")
    inside = put(tmp_path / "set", {"data.yaml": YAML, "images/a.png": "", "labels/a.txt": ""})
    (inside / "images" / "b.png").symlink_to(secret)
    (inside / "more").symlink_to(tmp_path)
    found = open_dataset(inside)
    assert [record.name for record in found.records] == ["images/a.png"]
    assert sorted(codes(found)) == ["not_a_file", "not_a_file"]


def test_a_pickle_named_labels_cache_is_never_read(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {marker}",)

    put(tmp_path, {"data.yaml": YAML, "images/a.png": "", "labels/a.txt": "",
                   "labels.cache": pickle.dumps(Bomb())})  # fmt: skip
    found = open_dataset(tmp_path)
    assert codes(found) == ["ignored_file"]
    assert not marker.exists()


@pytest.mark.parametrize(
    "yaml",
    [
        "names: !!python/object/apply:os.system ['touch x']\n",
        "a: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\nnames: [*b,*b]\n",
        "names: [a, a]\n",
        "names: {0: a, 2: b}\n",
        "names: {x: a}\n",
        "- names\n",
        "names: [a]\nnames: [b]\n",
        "names: " + "[" * 50 + "]" * 50 + "\n",
        "names: [a\n",
        f"names: ['{'x' * 70}']\n",
    ],
)
def test_a_hostile_or_broken_description_is_refused_with_a_sentence(
    tmp_path: Path, yaml: str
) -> None:
    put(tmp_path, {"data.yaml": yaml, "images/a.png": "", "labels/a.txt": ""})
    with pytest.raises(InputRefused, match=r"data\.yaml") as refused:
        yolo.read(tmp_path, {})
    assert refused.value.message.endswith((".", "…"))


def test_no_and_one_class_are_fine(tmp_path: Path) -> None:
    none = one(tmp_path / "none", "0 .5 .5 .1 .1", "train: images\nnc: 0\nnames: []\n")
    assert codes(none) == ["unknown_class", "no_classes"]
    single = one(tmp_path / "one", "0 .5 .5 .1 .1", "train: images\nnames: [no]\n")
    labels = labels_of(single, "images/a.png")
    assert labels is not None
    assert labels.boxes[0].label == "no"


@pytest.mark.parametrize("content", [b"", b"\xff\xd8cut", b"GIF89a", b"<svg/>"])
def test_a_damaged_picture_is_no_record_and_is_named(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, {"data.yaml": YAML, "images/a.jpg": content, "labels/a.txt": "",
                   "images/b.png": "", "labels/b.txt": ""})  # fmt: skip
    found = open_dataset(tmp_path)
    assert [record.name for record in found.records] == ["images/b.png"]
    assert [(p.file, p.fatal) for p in found.problems if p.fatal] == [("images/a.jpg", True)]


def test_labels_lie_beside_pictures_as_well_and_a_class_list_will_do(tmp_path: Path) -> None:
    put(tmp_path, {"classes.txt": "scratch\npit\n", "a.png": "", "a.txt": "1 .5 .5 .5 .5"})
    labels = labels_of(open_dataset(tmp_path), "a.png")
    assert labels is not None
    assert labels.boxes[0].label == "pit"


def test_training_and_validation_from_one_folder_tell_no_splits(tmp_path: Path) -> None:
    put(tmp_path, {"data.yaml": "train: images\nval: images\nnames: [scratch]\n",
                   "images/a.png": "", "labels/a.txt": "0 .5 .5 .5 .5",
                   "images/b.png": "", "labels/b.txt": ""})  # fmt: skip
    found = open_dataset(tmp_path)
    assert {record.name: record.split for record in found.records} == {
        "images/a.png": "", "images/b.png": "",
    }  # fmt: skip
    assert [(p.file, p.code) for p in found.problems] == [("data.yaml", "same_splits")]


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"notes.txt": "hello"})
    with pytest.raises(InputRefused, match=r"YOLO.*COCO.*VOC"):
        open_dataset(tmp_path)


def test_the_shared_boards_read_without_a_problem_but_the_unlabelled_ones() -> None:
    boards = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "deeppcb"
    if not boards.is_dir():
        pytest.skip("the shared boards are not on this machine")
    found = open_dataset(boards)
    labelled = [record for record in found.records if record.labels is not None]
    assert len(labelled) == 1000
    assert {record.split for record in labelled} == {"train", "val"}
    assert {p.code for p in found.problems} == {"no_labels", "pictures_outside"}
