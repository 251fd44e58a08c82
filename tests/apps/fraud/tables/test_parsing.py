"""Promises of reading: five formats say the same, ranges stand alone, an oracle agrees."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from apps.fraud.tables.parsing import parse
from apps.fraud.tables.raw import MOST_ROWS
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.sandbox.pool import SandboxPool
from tests.apps.fraud.tables.files import FORMATS, context, ranges, rows, written

COUNT = 2 * MOST_ROWS + 345
HANDBOOK = Path(__file__).parents[5] / "shared/data/handbook/transactions.parquet"


def joined(parts: list[Payload]) -> dict[str, np.ndarray]:
    names = parts[0].arrays
    return {name: np.concatenate([part.arrays[name] for part in parts]) for name in names}


def read(path: Path, **more: Any) -> dict[str, np.ndarray]:
    options = context(**more)
    return joined([parse(path, {**options, **one}) for one in ranges(path, options)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tables")
    told = rows(COUNT)
    for form in FORMATS:
        written(place / form, form, told)
    return place


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_rows_of_the_oracle(folder: Path, form: str) -> None:
    oracle = pl.DataFrame(rows(COUNT)).select(
        id="ref",
        amount=(pl.col("sum").str.to_decimal(scale=2) * 100).cast(pl.Int64),
        event_time=pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.epoch("ms"),
        customer="who",
        label=pl.col("fraud").cast(pl.Int64),
    )
    found = read(folder / form)
    for name in ("id", "amount", "event_time", "label"):
        assert found[name].tolist() == oracle[name].to_list()
    assert found["entity.customer"].tolist() == oracle["customer"].to_list()
    assert len(np.unique(found["known_at"])) == 1


@pytest.mark.parametrize("form", FORMATS)
def test_a_range_is_read_alone_in_any_order_and_says_the_same_again(
    folder: Path, form: str
) -> None:
    options = context()
    cut = ranges(folder / form, options)
    assert all(one["range"]["rows"] <= MOST_ROWS for one in cut)
    assert sum(one["range"]["rows"] for one in cut) == COUNT
    forwards = [parse(folder / form, {**options, **one}).arrays["id"].tolist() for one in cut]
    for one, wanted in reversed(list(zip(cut, forwards, strict=True))):
        assert parse(folder / form, {**options, **one}).arrays["id"].tolist() == wanted


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_arrow_of_another_writer_is_read(tmp_path: Path, compression: Any) -> None:
    table = pl.DataFrame(rows(25_000)).with_columns(pl.col("who", "where").cast(pl.Categorical))
    table.write_ipc(tmp_path / "file", compression=compression)
    table.write_ipc_stream(tmp_path / "stream", compression=compression)
    for name in ("file", "stream"):
        found = read(tmp_path / name)
        assert found["id"].tolist() == table["ref"].to_list()
        assert found["entity.customer"].tolist() == table["who"].cast(pl.String).to_list()


def test_a_range_of_a_text_is_read_from_its_bytes_alone(folder: Path, tmp_path: Path) -> None:
    options = context()
    data = bytearray((folder / "csv").read_bytes())
    second = ranges(folder / "csv", options)[1]
    header = data.index(b"\n") + 1
    data[header : second["range"]["start"]] = b"\xff" * (second["range"]["start"] - header)
    path = tmp_path / "torn"
    path.write_bytes(data)
    found = parse(path, {**options, **second})
    assert found.arrays["id"][0] == f"T-{MOST_ROWS}"


def test_lines_of_the_file_are_told_behind_quoted_newlines(tmp_path: Path) -> None:
    told = rows(4)
    told[0]["where"] = "a\nb\nc"
    told[2]["sum"] = "-5"
    told[3]["where"] = "fine"
    path = written(tmp_path / "t.csv", "csv", told)
    problems = parse(path, context()).meta["problems"]
    assert isinstance(problems, dict)
    assert [(one["line"], one["code"]) for one in problems["listed"]] == [  # type: ignore[index,call-overload,union-attr]
        (2, "control_character"),
        (6, "amount_negative"),
    ]


def test_the_sandbox_reads_every_format_within_its_cap(folder: Path) -> None:
    options = context()
    with SandboxPool(size=1, memory_bytes=256 * 2**20) as pool:
        for form in FORMATS:
            path = folder / form
            cut = pool.call("apps.fraud.tables.splitting:split", [path, options])
            with pool.parse(
                "apps.fraud.tables.parsing:parse", path, {**options, **cut[-1]}
            ).slab or pytest.fail("nothing came"):
                assert len(cut) >= 3


def test_a_file_of_more_than_one_range_is_not_read_at_once(folder: Path) -> None:
    with pytest.raises(InputRefused, match="in ranges"):
        parse(folder / "csv", context())


def test_a_range_without_a_good_row_is_refused_with_its_first_reason(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "csv", rows(3, sum="-1"))
    with pytest.raises(InputRefused, match=r"Not one of 3 rows.*line 2, sum = '-1'") as refused:
        parse(path, context())
    assert refused.value.code == "no_good_rows"


def test_a_tenth_of_bad_rows_is_listed_whole_and_all_are_counted(tmp_path: Path) -> None:
    told = rows(1_300)
    for row in told[:1_200]:
        row["sum"] = "-1"
    problems: Any = parse(written(tmp_path / "t.csv", "csv", told), context()).meta["problems"]
    assert problems["counts"] == {"amount_negative": 1_200}
    assert [one["line"] for one in problems["listed"]] == [*range(2, 1_002)]


def test_without_a_saved_mapping_a_plain_file_is_read_and_a_doubtful_one_is_asked_about(
    tmp_path: Path,
) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_text(
        "id,time,amount,customer\n" + "".join(f"{n},2024-01-01,{n}.5,c{n % 3}\n" for n in range(9))
    )
    assert len(parse(plain, context(None)).arrays["id"]) == 9
    doubtful = tmp_path / "doubtful.csv"
    doubtful.write_text(
        "id,time,amount,customer\n" + "".join(f"{n},01/02/2024,{n}.5,c{n % 3}\n" for n in range(9))
    )
    with pytest.raises(InputRefused, match="day come first") as refused:
        parse(doubtful, context(None))
    assert refused.value.code == "mapping_missing"


def test_a_column_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "csv", [{"other": "1", "one": "2"}])
    with pytest.raises(InputRefused, match="names the column 'at', which the file does not have"):
        parse(path, context())


@pytest.mark.skipif(not HANDBOOK.is_file(), reason="the Handbook's transactions are not here")
def test_the_handbooks_rows_are_those_polars_reads() -> None:
    options = context(None)
    cut = ranges(HANDBOOK, options)[:12]
    found = joined([parse(HANDBOOK, {**options, **one}) for one in cut])
    table = pl.read_parquet(HANDBOOK, n_rows=len(found["id"]))
    assert found["amount"].tolist() == (table["TX_AMOUNT"] * 100).round().cast(pl.Int64).to_list()
    assert found["event_time"].tolist() == table["TX_DATETIME"].dt.epoch("ms").to_list()
    assert found["entity.customer"].tolist() == table["CUSTOMER_ID"].cast(pl.String).to_list()
    assert found["label"].tolist() == table["TX_FRAUD"].to_list()
