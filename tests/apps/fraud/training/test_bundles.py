"""Gathered blocks and tables come back as the transactions and labels that they hold."""

import json
from pathlib import Path

import numpy as np
import pytest

from apps.fraud.schema import ScoredTransaction
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.tables.starts import start_of
from apps.fraud.training.bundles import read_bundle
from apps.fraud.training.training import read_folder
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.columns import from_rows
from loupe.contract.runtime.errors import InputRefused
from loupe.jobs import parquet
from tests.apps.fraud.bank import paid


def bundled(folder: Path, files: dict[str, bytes], **more: str) -> Path:
    """A bundle as the host writes it."""
    (folder / "files").mkdir(parents=True)
    lines = []
    for number, (name, content) in enumerate(files.items()):
        (folder / "files" / str(number)).write_bytes(content)
        told = {"name": name, "file": f"files/{number}", "group": "", "split": "train"}
        lines.append(json.dumps({**told, "labels": {}}))
    (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
    about = {"scheme": CARD_PAYMENTS.model_dump(mode="json"), **more}
    (folder / "dataset.json").write_text(json.dumps({"schema": 1, "about": about}))
    return folder


def block(*rows: ScoredTransaction) -> bytes:
    """A block as the host stores it."""
    decided = DecisionColumns(
        outcome=np.full(len(rows), "review"), score=np.ones(len(rows)),
        label=np.full(len(rows), ""),
    )  # fmt: skip
    return parquet.encode(ScoredTransaction, from_rows(rows, ScoredTransaction), decided).data


def test_blocks_become_the_transactions_that_were_scored_with_labels_and_their_times(
    tmp_path: Path,
) -> None:
    rows = [paid(1, "C-1", device="D-9"), paid(2, "C-2"), paid(3, "C-3", refused="amount_invalid")]
    again = paid(1, "C-1", repeated=True)
    folder = bundled(
        tmp_path / "data",
        {
            "blocks/1.parquet": block(*rows),
            "blocks/2.parquet": block(again, paid(4, "C-1")),
            "labels.jsonl": b'["T-2", 1, 1790000000000]\n["T-9", 0, 5]\n',
        },
    )
    read = read_bundle(folder)
    assert read.columns["id"].tolist() == ["T-1", "T-2", "T-4"]
    assert read.columns["entity.customer"].tolist() == ["C-1", "C-2", "C-1"]
    assert read.columns["entity.device"].tolist() == ["D-9", "", ""]
    assert read.columns["attribute.country"].tolist() == ["DE"] * 3
    assert read.columns["amount"].tolist() == [12_345] * 3
    assert read.columns["label"].tolist() == [-1, 1, -1]
    assert read.columns["label_known_at"].tolist() == [-1, 1_790_000_000_000, -1]
    assert read.columns["event_time"].tolist() == [rows[0].event_time, rows[1].event_time,
                                                   rows[0].event_time + 180_000]  # fmt: skip


def test_a_projects_word_outweighs_the_label_in_its_table(tmp_path: Path) -> None:
    table = "id,time,amount,currency,customer,terminal,is_fraud\n" + "".join(
        f"t{at},2026-01-0{at}T10:00:00Z,12.50,EUR,c{at},m1,0\n" for at in range(1, 6)
    )
    folder = bundled(
        tmp_path / "data",
        {"tables/q.csv": table.encode(), "labels.jsonl": b'["t3", 1, 1790000000000]\n'},
    )
    read = read_bundle(folder)
    assert read.columns["label"].tolist() == [0, 0, 1, 0, 0]
    assert read.columns["label_known_at"][2] == 1_790_000_000_000


def test_a_table_that_was_sent_with_the_start_of_its_times_is_read_from_it(tmp_path: Path) -> None:
    table = "step,amount,customer,is_fraud\n" + "".join(f"{n},2.50,c{n % 3},0\n" for n in range(9))
    files = {"tables/q.csv": table.encode()}
    read = read_bundle(bundled(tmp_path / "told", files, start="hours since 2026-01-01T00:00:00Z"))
    midnight = 1_767_225_600_000
    assert read.columns["event_time"].tolist() == [midnight + n * 3_600_000 for n in range(9)]
    with pytest.raises(InputRefused, match="'step' holds counts"):
        read_bundle(bundled(tmp_path / "untold", files))
    with pytest.raises(InputRefused, match="leave the start out"):
        read_folder(tmp_path / "told", start_of("2026-01-01"))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"blocks/1.parquet": b"PAR1 and then nothing"}, "cannot be read"),
        ({"labels.jsonl": b'["T-1", 1, 5]\n'}, "no transaction"),
        ({"blocks/1.parquet": None, "labels.jsonl": b'["T-1", 7, 5]\n'}, "line 1: label 7"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    tmp_path: Path, files: dict[str, bytes | None], said: str
) -> None:
    whole = {name: block(paid(1)) if held is None else held for name, held in files.items()}
    with pytest.raises(InputRefused, match=said):
        read_bundle(bundled(tmp_path / "data", whole))
