"""Tables become studies; whatever cannot be used is listed with file, line and reason."""

import json
from pathlib import Path

import pytest

from apps.report_gen.training.real.mapping import Columns, read_mapping
from apps.report_gen.training.real.studies import labels_of, patient_of, read_folder
from apps.report_gen.training.real.tables import read_tables
from loupe.contract.runtime.errors import InputRefused

HEAD = "VolumeName,Findings_EN,Lung nodule\n"


def _folder(place: Path, table: str, *volumes: str) -> Path:
    place.mkdir()
    (place / "t.csv").write_text(table)
    for each in volumes:
        (place / each).write_bytes(b"")
    return place


def test_texts_and_labels_are_joined_by_the_volumes_name(tmp_path: Path) -> None:
    place = _folder(tmp_path / "d", HEAD + "a.nii.gz,Normal.,1\n", "a.nii.gz")
    (place / "more.csv").write_text(
        "VolumeName,ClinicalInformation_EN,Cardiomegaly\na.nii.gz,Cough,0\n"
    )
    (study,), problems = read_folder(place)
    assert study.labels == {"lung_nodule": True, "cardiomegaly": False}
    assert (study.clinical, study.report, study.labelled_by) == ("Cough", "Normal.", "columns")
    assert problems == []


def test_every_problem_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    place = _folder(
        tmp_path / "d",
        HEAD + "a.nii.gz,x,1\nb.nii.gz,x,maybe\n../c,x,1\nd.nii.gz,x,0,9\ngone.nii.gz,x,1\n"
        "a.nii.gz,x,0\n",
        "a.nii.gz", "b.nii.gz", "stray.nii.gz",
    )  # fmt: skip
    (place / "other.csv").write_text("Name\nx\n")
    studies, problems = read_folder(place)
    assert [each.name for each in studies] == ["a.nii.gz", "b.nii.gz"]
    told = {(each.file, each.line): each.reason for each in problems}
    assert "'maybe'" in told["t.csv", 3]
    assert "name of a file" in told["t.csv", 4]
    assert "number of cells" in told["t.csv", 5]
    assert "0 volumes called gone.nii.gz" in told["t.csv", 6]
    assert "was another one before" in told["t.csv", 7]
    assert "no column 'VolumeName'" in told["other.csv", 0]
    assert "no row of any table" in told["stray.nii.gz", 0]


def test_labels_are_read_out_of_the_report_where_no_column_has_any(tmp_path: Path) -> None:
    text = "There is a pleural effusion on the right. No pulmonary nodule was seen."
    place = _folder(tmp_path / "d", f'VolumeName,Findings_EN\na.nii,"{text}"\n', "a.nii")
    (study,), _ = read_folder(place)
    assert study.labelled_by == "report"
    assert study.labels["pleural_effusion"] is True
    assert study.labels["lung_nodule"] is False
    # What CT-RATE has no label for is unknown, not absent.
    assert "pneumothorax" not in labels_of(text)


def test_other_names_are_mapped_by_file_and_by_option(tmp_path: Path) -> None:
    mapping = tmp_path / "m.json"
    mapping.write_text(json.dumps({"volume": "file", "labels": {"mass": "m"}}))
    columns = read_mapping(mapping, ("findings=text", "lung_nodule=n"))
    place = _folder(tmp_path / "d", "file,text,m,n\na.nii,Hm,1,0\n", "a.nii")
    (study,), _ = read_folder(place, columns)
    assert study.labels == {"mass": True, "lung_nodule": False}
    assert study.report == "Hm"


@pytest.mark.parametrize(
    ("changed", "match"),
    [("findings", "not name=column"), ("nonsense=x", "nonsense"), ("=x", "mapping's")],
)
def test_a_mapping_with_an_unknown_name_is_refused(changed: str, match: str) -> None:
    with pytest.raises(InputRefused, match=match):
        read_mapping(None, (changed,))


def test_a_folder_without_a_study_is_refused_with_the_first_reasons(tmp_path: Path) -> None:
    place = _folder(tmp_path / "d", HEAD + "a.nii.gz,,\n")
    with pytest.raises(InputRefused, match=r"t\.csv, line 2: there are 0 volumes"):
        read_folder(place)


def test_dicom_lies_in_folders_named_as_the_volume(tmp_path: Path) -> None:
    place = _folder(tmp_path / "d", HEAD + "scan1,x,1\n")
    (place / "scan1").mkdir()
    (place / "scan1" / "1.dcm").write_bytes(b"")
    (study,), _ = read_folder(place)
    assert study.path == place / "scan1"


def test_a_patients_studies_are_all_learned_from_or_none_is(tmp_path: Path) -> None:
    assert patient_of("train_12_a_1.nii.gz") == patient_of("train_12_b_2.nii.gz") == "train_12"
    assert patient_of("scan7.nii") == "scan7.nii"
    rows = "".join(f"train_{n}_{part}_1.nii,x,1\n" for n in range(60) for part in "ab")
    names = [f"train_{n}_{part}_1.nii" for n in range(60) for part in "ab"]
    studies, _ = read_folder(_folder(tmp_path / "d", HEAD + rows, *names))
    sides: dict[str, set[bool]] = {}
    for each in studies:
        sides.setdefault(each.patient, set()).add(each.validates)
    assert all(len(each) == 1 for each in sides.values())
    assert 4 <= sum(each == {True} for each in sides.values()) <= 22


def test_a_table_cut_in_the_middle_of_a_quote_is_told(tmp_path: Path) -> None:
    place = _folder(tmp_path / "d", HEAD + 'a.nii,"never closed,1\n', "a.nii")
    _, problems = read_tables(place, Columns())
    assert any("cannot be read" in each.reason or "cells" in each.reason for each in problems)
