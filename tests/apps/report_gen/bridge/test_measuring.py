"""Figures on insertions: hits by size, false marks on the unaltered scan alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.report_gen.benchmarks.pipeline import random_model
from apps.report_gen.bridge import measuring
from apps.report_gen.bridge.__main__ import main
from apps.report_gen.bridge.known import known_boxes, read_boxes
from apps.report_gen.bridge.measuring import Looked, Scan, measure
from apps.report_gen.bridge.splitting import scan_hash
from apps.report_gen.findings import KEYS, State
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.shape import TOY
from apps.report_gen.inference.stored import Model, store
from apps.report_gen.training.detection import Mark
from apps.report_gen.volume import SourceGrid, SourceInstance, Volume
from loupe.contract.runtime.errors import InputRefused
from tests.apps.report_gen.bridge.chests import SHAPE, SPACING, chest


@pytest.fixture(scope="module")
def drafter() -> Drafter:
    return Drafter(random_model(TOY, "cpu"))


def test_a_reader_that_sees_every_change_finds_all_and_false_marks_are_counted_once(
    drafter: Drafter, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = chest()
    known = ((0.0, 60.0), (0.0, 60.0), (0.0, 60.0))

    def look(_: Drafter, volume: Volume) -> Looked:
        different = np.argwhere(np.abs(volume.hu.astype(int) - plain.hu) > 40)
        marks = [Mark((200.0, 20.0, 20.0), 0.5), Mark((30.0, 30.0, 30.0), 0.9)]
        for z, y, x in (different[::3] * np.asarray(SPACING)).tolist():
            marks.append(Mark((z, y, x), 0.8))
        return Looked(marks=marks, states=dict.fromkeys(KEYS, State.ABSENT))

    monkeypatch.setattr(measuring, "look", look)
    said = measure(drafter, [Scan(name="a", volume=plain, known=[known])], 8, 0)
    assert said["insertions"] == 8
    assert said["from_8_mm_sensitivity_at_4_false"] == 1.0
    # One false mark: the one in the known lesion is left out of both counts.
    assert said["scans"][0]["false_marks_at_operating_point"] == 1
    assert said["false_a_scan_at_operating_point"] == 1.0


def test_a_model_that_marks_nothing_finds_nothing(
    drafter: Drafter, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Looked(marks=[], states=dict.fromkeys(KEYS, State.ABSENT))
    monkeypatch.setattr(measuring, "look", lambda drafter, volume: nothing)
    said = measure(drafter, [Scan(name="a", volume=chest(), known=[])], 6, 0)
    assert said["froc"]["all"]["4"] == 0.0
    assert said["false_a_scan_at_operating_point"] == 0.0


def test_marks_lie_where_the_network_saw_them(drafter: Drafter) -> None:
    found = measuring.look(drafter, chest())
    extent = np.asarray(SHAPE) * SPACING
    assert found.marks
    grid = np.asarray(TOY.grid) * TOY.spacing
    for mark in found.marks:
        assert np.all(np.asarray(mark.at) > (extent - grid) / 2 - 20)
        assert np.all(np.asarray(mark.at) < (extent + grid) / 2 + 20)


def test_a_background_of_the_models_training_is_refused() -> None:
    plain = random_model(TOY, "cpu")
    scan = Scan(name="mine", volume=chest(), known=[])
    card = {"backgrounds": [scan_hash(scan.volume)]}
    trained = Model(
        shape=plain.shape, image=plain.image, report=plain.report, verdicts=plain.verdicts,
        card=card,
    )  # fmt: skip
    with pytest.raises(InputRefused, match=r"mine .* background"):
        measure(Drafter(trained), [scan], 2, 0)


def test_a_box_on_an_image_as_sent_becomes_the_same_place_in_the_volume(tmp_path: Path) -> None:
    slices, rows, columns = SHAPE
    # As scanners send: columns to the patient's left, rows to the back.
    affine = np.array(
        [[-1.2, 0, 0, 1.2 * (columns - 1)], [0, -1.2, 0, 1.2 * (rows - 1)], [0, 0, 4, 0],
         [0, 0, 0, 1.0]]
    )  # fmt: skip
    volume = replace(
        chest(),
        source_grid=SourceGrid(shape=SHAPE, affine=affine),
        sources=tuple(
            SourceInstance(sop_class_uid="1.2", sop_instance_uid=f"1.2.{at}")
            for at in range(slices)
        ),
    )
    table = tmp_path / "boxes.csv"
    table.write_text("sop_uid,xmin,ymin,xmax,ymax\n1.2.10,20,30,40,60\n9.9,1,1,2,2\n")
    ((z, y, x),) = known_boxes(volume, "a", read_boxes(table))
    assert z == pytest.approx((40 - 5, 40 + 5))
    assert y == pytest.approx((1.2 * (rows - 1 - 60) - 5, 1.2 * (rows - 1 - 30) + 5))
    assert x == pytest.approx((1.2 * (columns - 1 - 40) - 5, 1.2 * (columns - 1 - 20) + 5))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\n1,2\n", "lacks xmin"),
        ("sop_uid,xmin,ymin,xmax,ymax\n1,2,x,4,5\n", "line 2: ymin is 'x'"),
        ("sop_uid,xmin,ymin,xmax,ymax\n1,2,nan,4,5\n", "line 2: ymin is 'nan'"),
    ],
)
def test_a_table_of_boxes_that_cannot_be_read_is_refused(
    tmp_path: Path, text: str, match: str
) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(text)
    with pytest.raises(InputRefused, match=match):
        read_boxes(table)


def test_the_command_prints_json_and_refuses_what_is_no_chest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nibabel = pytest.importorskip("nibabel")
    store(tmp_path / "model", random_model(TOY, "cpu"))
    volume = chest()
    image = nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.affine)
    nibabel.save(image, tmp_path / "chest.nii.gz")
    common = ["--model", str(tmp_path / "model"), "--device", "cpu", "--count", "2"]
    assert main(["--scan", str(tmp_path / "chest.nii.gz"), *common, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["insertions"] == 2
    (tmp_path / "no.nii").write_bytes(b"no")
    assert main(["--scan", str(tmp_path / "no.nii"), *common]) == 2
    assert "refused" in capsys.readouterr().err
    assert torch.get_num_threads() >= 1
