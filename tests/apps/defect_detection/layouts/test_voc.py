"""Pascal VOC files, hostile ones among them."""

from pathlib import Path

import pytest

from apps.defect_detection.labels import DatasetAbout, ImageLabels
from apps.defect_detection.layouts import voc
from loupe.contract.labelling import ReadDataset
from tests.apps.defect_detection.layouts.folders import put

BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"


def xml(objects: str, size: str = "<width>64</width><height>48</height>") -> str:
    return f"<annotation><filename>a.png</filename><size>{size}</size>{objects}</annotation>"


def read(tmp_path: Path, text: str) -> ReadDataset:
    put(tmp_path, {"JPEGImages/a.png": "", "Annotations/a.xml": text})
    return voc.read(tmp_path, {})


def labels_of(found: ReadDataset) -> ImageLabels | None:
    labels = found.records[0].labels
    assert labels is None or isinstance(labels, ImageLabels)
    return labels


def test_pixel_numbers_become_edges(tmp_path: Path) -> None:
    put(tmp_path, {"ImageSets/Main/val.txt": "a\n"})
    found = read(tmp_path, xml(f"<object><name>pit</name>{BOX.format(1, 1, 64, 48)}</object>"))
    labels = labels_of(found)
    assert labels is not None
    box = labels.boxes[0]
    assert (box.x1, box.y1, box.x2, box.y2) == (0, 0, 64, 48)
    assert found.records[0].split == "val"
    assert found.about == DatasetAbout(classes=("pit",))
    assert found.problems == ()


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
        + xml(f"<object><name>&x;</name>{BOX.format(1, 1, 5, 5)}</object>"),
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n' + xml("&b;"),
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">\n' + xml(""),
    ],
)
def test_entities_are_refused_and_nothing_is_read_through_them(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert [(p.code, p.file) for p in found.problems if p.fatal] == [
        ("entities_refused", "Annotations/a.xml")
    ]
    assert labels_of(found) is None
    assert "root:" not in repr(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<annotation", "bad_xml"),
        (xml(f"<object><name>pit</name>{BOX.format('nan', 1, 5, 5)}</object>"), "bad_box"),
        (xml("<object><name>pit</name></object>"), "bad_box"),
        (xml(f"<object>{BOX.format(1, 1, 5, 5)}</object>"), "unknown_class"),
        (xml(f"<object><name>pit</name>{BOX.format(99, 1, 120, 5)}</object>"), "out_of_range"),
        (xml(f"<object><name>pit</name>{BOX.format(9, 9, 5, 5)}</object>"), "bad_box"),
        (
            xml(
                f"<object><name>pit</name>{BOX.format(1, 1, 5, 5)}</object>",
                "<width>640</width><height>480</height>",
            ),
            "size_differs",
        ),
        (xml("").replace("a.png", "b.png"), ""),
    ],
)
def test_what_is_wrong_is_named_and_costs_the_picture_its_labels(
    tmp_path: Path, text: str, code: str
) -> None:
    found = read(tmp_path, text)
    fatal = [problem.code for problem in found.problems if problem.fatal]
    assert fatal == ([code] if code else [])
    assert (labels_of(found) is None) == bool(code)


def test_a_file_without_its_picture_is_named(tmp_path: Path) -> None:
    put(tmp_path, {"Annotations/ghost.xml": xml("").replace("a.png", "ghost.png")})
    found = read(tmp_path, xml(""))
    assert [(p.code, p.file) for p in found.problems if p.fatal] == [
        ("missing_picture", "Annotations/ghost.xml")
    ]
