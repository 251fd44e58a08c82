"""Blocks of a few rows are kept without Parquet's footer, and read back alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from loupe.contract.outcomes import DecisionColumns
from loupe.jobs import parquet, short_blocks


class Row(BaseModel):
    id: str
    amount: int
    late: bool
    score: float
    features: dict[str, float]


def block(rows: int, *, quick: bool) -> parquet.Encoded:
    numbers = np.arange(rows)
    columns = {
        "id": np.char.add("汇", numbers.astype(np.str_)),
        "amount": numbers * 10,
        "late": numbers % 2 == 0,
        "score": numbers / 7,
        "features.near": numbers.astype(np.float32),
    }
    decided = DecisionColumns(
        outcome=np.where(numbers % 2, "stop", "pass"), score=numbers / 7, label=np.full(rows, "l")
    )
    return parquet.encode(Row, columns, decided, quick=quick)


@pytest.mark.parametrize("rows", [1, 2, short_blocks.FEW_ROWS])
def test_a_short_block_reads_as_its_parquet_does(tmp_path: Path, rows: int) -> None:
    paths = {}
    for quick in (True, False):
        encoded = block(rows, quick=quick)
        paths[quick] = tmp_path / f"{quick}"
        paths[quick].write_bytes(encoded.data)
        assert (encoded.rows, sum(encoded.outcomes.values())) == (rows, rows)
    short, long = (parquet.table_of(paths[quick]) for quick in (True, False))
    assert short_blocks.is_short(paths[True].read_bytes())
    assert short.to_pylist() == long.to_pylist()
    assert short.schema.names == long.schema.names
    for one in ({"outcome": "stop"}, {"label": "l"}, {"before": 1}):
        wanted: dict[str, Any] = {"limit": 3, **one}
        assert parquet.rows(paths[True], **wanted) == parquet.rows(paths[False], **wanted)
    found = [parquet.columns(path, ["id", "gone", "features.near"]) for path in paths.values()]
    assert found[0].keys() == found[1].keys() == {"id", "features.near"}
    np.testing.assert_array_equal(found[0]["id"], found[1]["id"])
    assert parquet.rows_where(paths[True], "id", "汇0", 5) == parquet.rows_where(
        paths[False], "id", "汇0", 5
    )


def test_one_row_takes_a_fraction_of_parquets_room() -> None:
    assert len(block(1, quick=True).data) * 3 < len(block(1, quick=False).data)


def test_many_rows_are_parquet() -> None:
    assert block(short_blocks.FEW_ROWS + 1, quick=True).data.startswith(b"PAR1")


@given(st.binary(max_size=200))
def test_what_is_no_short_block_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no short block"):
        short_blocks.decoded(b"X" + data)


def test_columns_of_objects_are_refused() -> None:
    good = short_blocks.encoded({"a": np.array([1])})
    with pytest.raises(ValueError, match="is of type"):
        short_blocks.decoded(good.replace(b"<i8", b"|O8"))
