"""The file a bank would send holds the same payments."""

import csv
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet
import pytest

from apps.fraud.simulator import SimulatorConfig, simulate
from apps.fraud.simulator.__main__ import main
from apps.fraud.simulator.table import write
from loupe.contract.runtime.errors import InputRefused

ARGUMENTS = ["--customers", "200", "--days", "7", "--seed", "4"]


def test_both_kinds_hold_every_payment_to_the_cent(tmp_path: Path) -> None:
    columns = simulate(SimulatorConfig(customers=200, days=7), 4)
    for name in ("payments.csv", "payments.parquet"):
        assert main(["--out", str(tmp_path / name), *ARGUMENTS]) == 0
    kept = pyarrow.parquet.read_table(tmp_path / "payments.parquet")
    with (tmp_path / "payments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cents = columns["amount"].tolist()
    assert [int(Decimal(row["amount"]) * 100) for row in rows] == cents
    assert [int(value * 100) for value in kept["amount"].to_pylist()] == cents
    assert [int(value.timestamp() * 1000 + 0.5) for value in kept["time"].to_pylist()] == columns[
        "event_time"
    ].tolist()
    assert [row["is_fraud"] for row in rows] == [
        "" if label < 0 else str(label) for label in columns["label"].tolist()
    ]
    assert [row["device_id"] for row in rows] == columns["entity.device"].tolist()
    assert kept["label_time"].null_count == (columns["label"] < 0).sum()


def test_another_ending_is_refused(tmp_path: Path) -> None:
    columns = simulate(SimulatorConfig(customers=200, days=7), 4)
    with pytest.raises(InputRefused, match=r"payments\.xlsx ends in '\.xlsx'"):
        write(columns, tmp_path / "payments.xlsx")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--customers", "3"], "greater than or equal to 200"), (["--seed", "-1"], "give 0 or more")],
)
def test_settings_out_of_range_are_refused(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "a.csv"), *arguments]) == 2
    assert sentence in capsys.readouterr().err
