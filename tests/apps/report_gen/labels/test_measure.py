"""Measuring: the split is fixed, figures are right, the held-out half is read well enough."""

import csv
import json
from pathlib import Path

import pytest
from sklearn.metrics import f1_score

from apps.report_gen.labels.extract import extract
from apps.report_gen.labels.measure import Row, development, main, measured, rows_of
from apps.report_gen.labels.rules import LABELS
from loupe.contract.runtime.errors import InputRefused

CT_RATE = Path(__file__).parents[5] / "shared/data/ct_reports/ct_rate_train.csv"


def table(folder: Path, rows: list[tuple[str, str, set[str]]]) -> Path:
    file = folder / "reports.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["AccessionNo", "report_text", *LABELS])
        for accession, text, labels in rows:
            writer.writerow([accession, text, *(int(each in labels) for each in LABELS)])
    return file


def test_the_halves_are_fixed_by_the_accession_and_a_text_counts_once(tmp_path: Path) -> None:
    made = table(tmp_path, [("a", "Emphysema.", {"Emphysema"}), ("b", "Emphysema. ", set())])
    assert [row.accession for row in rows_of(made)] == ["a"]
    assert [development(f"train_{at}") for at in range(1, 9)] == [
        True, True, False, True, True, False, True, False,
    ]  # fmt: skip


def test_figures_agree_with_scikit_learn() -> None:
    texts = ("Emphysema and a lung nodule.", "No emphysema.", "Pleural effusion, atelectasis.")
    rows = [
        Row(str(at), texts[at % 3], tuple((at + place) % 3 == 0 for place in range(len(LABELS))))
        for at in range(12)
    ]
    told = measured(rows)
    found = [list(extract(row.text).values()) for row in rows]
    wanted = f1_score([row.labels for row in rows], found, average=None, zero_division=0)
    for label, expected in zip(LABELS, wanted, strict=True):
        assert told["labels"][label]["f1"] == pytest.approx(expected, abs=1e-3)
        low, high = told["labels"][label]["interval"]
        assert low <= expected + 1e-3
        assert expected - 1e-3 <= high
    assert told["macro_f1"] == pytest.approx(wanted.mean(), abs=1e-4)


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = table(
        tmp_path, [(f"train_{at}", f"Emphysema {at}.", {"Emphysema"}) for at in range(1, 9)]
    )
    assert main([str(made)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reports"] == 3
    assert told["labels"]["Emphysema"]["f1"] == 1.0


def test_a_table_of_another_form_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("AccessionNo,report_text\n1,x\n", encoding="utf-8")
    with pytest.raises(InputRefused, match="no column Medical material") as refused:
        rows_of(file)
    assert refused.value.code == "table_columns"
    made = table(tmp_path, [("a", "x", set())])
    made.write_text(made.read_text(encoding="utf-8").replace(",0,", ",2,"), encoding="utf-8")
    with pytest.raises(InputRefused, match="Line 2") as refused:
        rows_of(made)
    assert refused.value.code == "table_label"


@pytest.mark.skipif(
    not CT_RATE.is_file(), reason="CT-RATE's reports may not be redistributed: ../shared/data"
)
def test_held_out_reports_of_ct_rate_are_read_with_a_macro_f1_of_at_least_0_85() -> None:
    held_out = [row for row in rows_of(CT_RATE) if not development(row.accession)]
    told = measured(held_out)
    assert told["reports"] > 350
    assert told["macro_f1"] >= 0.85
    assert told["macro_f1_interval"][0] >= 0.85
