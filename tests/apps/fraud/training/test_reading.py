"""Files of transactions for learning: any of the forms, mapped, with bad rows told."""

import json
from pathlib import Path

import polars as pl
import pytest

from apps.fraud.training import reading
from loupe.contract.runtime.errors import InputRefused
from tests.apps.fraud.training import days


def written(path: Path, rows: int = 300) -> Path:
    """A file as a bank might send it."""
    events = days.history(days=5, a_day=60)
    table = pl.DataFrame(
        {
            "TX_ID": events["id"],
            "TX_DATETIME": pl.Series(events["event_time"]).cast(pl.Datetime("ms")),
            "CUSTOMER_ID": events["entity.customer"],
            "TERMINAL_ID": events["entity.terminal"],
            "TX_AMOUNT": events["amount"] / 100,
            "TX_FRAUD": events["label"],
        }
    ).head(rows)
    if path.suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_are_guessed_and_rows_are_all_there(tmp_path: Path, ending: str) -> None:
    read = reading.read([written(tmp_path / f"a.{ending}")])
    expected = days.history(days=5, a_day=60)
    assert read.columns["amount"].tolist() == expected["amount"].tolist()
    assert read.columns["label"].tolist() == expected["label"].tolist()
    assert read.columns["event_time"].tolist() == expected["event_time"].tolist()
    assert {one.key for one in read.scheme.entities} == {"customer", "terminal"}
    assert read.refused == 0


def test_several_files_follow_each_other(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a.csv", 100), written(tmp_path / "b.csv", 50)
    assert len(reading.read([one, other]).columns["id"]) == 150


def test_bad_rows_are_counted_and_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv")
    lines = path.read_text().splitlines()
    lines[7] = lines[7].replace(lines[7].split(",")[4], "much")
    path.write_text("\n".join(lines) + "\n")
    read = reading.read([path])
    assert read.refused == 1
    assert "a.csv: line 8" in read.problems[0]


def test_a_missing_file_and_a_wrong_mapping_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="is no file"):
        reading.read([tmp_path / "none.csv"])
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps({"time": {"column": "t"}, "amount": "a"}))
    with pytest.raises(InputRefused, match="The mapping"):
        reading.mapping_of(mapping)
