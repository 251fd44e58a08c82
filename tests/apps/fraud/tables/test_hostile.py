"""Promises to hostile files: a sentence and a code, little memory, and never a crash."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.fraud.tables import arrow_messages, parquet
from apps.fraud.tables.checking import check, look
from apps.fraud.tables.parsing import parse
from apps.fraud.tables.splitting import split
from loupe.contract.runtime.errors import InputRefused
from loupe.sandbox.pool import SandboxPool
from tests.apps.fraud.tables.files import FORMATS, MAPPING, context, rows, written


def refusal(path: Path, options: dict[str, Any] | None = None) -> InputRefused:
    """How a file is refused, by cutting it and by reading it alike."""
    found = []
    for step in (split, parse, check):
        with pytest.raises(InputRefused) as refused:
            step(path, options or context())
        found.append(refused.value)
    for one in found:
        assert one.message.endswith(".")
        assert len(one.message.split()) > 3
    assert len({one.code for one in found}) == 1
    return found[0]


def refused_by(step: Callable[..., object], path: Path) -> InputRefused | None:
    """How one step refuses a file; None: it does not. Anything else it raises is a failure."""
    try:
        step(path, context())
    except InputRefused as refused:
        return refused
    return None


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "hostile"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b" \n\n", "empty_file"),
        (b"\0" * 200, "encoding_refused"),
        (b"%PDF-1.7 no table", "format_unknown"),
        (b"PK\x03\x04" + b"a" * 50, "format_unknown"),
        ('at,sum\n"é",1\n'.encode("utf-16"), "encoding_refused"),
        ("at,sum,who\n1,2,3\n".encode("utf-16-le"), "encoding_refused"),
        (b'[{"at": 1}]', "format_unknown"),
        (b"PAR1" + b"x" * 100, "parquet_truncated"),
        (b"PAR1" + b"x" * 100 + b"\x20\0\0\0PAR1", "parquet_damaged"),
        (b"ARROW1\0\0" + b"x" * 100, "arrow_truncated"),
        (b"ARROW1\0\0" + b"x" * 100 + b"\x20\0\0\0ARROW1", "arrow_damaged"),
        (b"ARROW1\0\0" + b"x" * 100 + b"\xff\xff\xff\x7fARROW1", "arrow_damaged"),
        (b"\xff\xff\xff\xff\x10\0\0\0" + b"\1" * 64, "arrow_damaged"),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\1" * 64, "arrow_damaged"),
        (b"at,sum,who\xff,ref\n", "bad_encoding"),
    ],
)
def test_what_is_no_table_is_refused_with_a_code(tmp_path: Path, content: bytes, code: str) -> None:
    assert refusal(put(tmp_path, content)).code == code


@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows"])
def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path, form: str) -> None:
    data = written(tmp_path / "whole", form, rows(3000)).read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path = put(tmp_path, data[: int(len(data) * share)])
        for step in (split, parse):
            refused = refused_by(step, path)
            # A stream without its last mark, and with whole batches, is a shorter stream.
            assert refused is not None or form != "parquet"
            assert refused is None or refused.code.endswith(("truncated", "damaged"))


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=60,
)
@given(seed=st.integers(0, 10**9), form=st.sampled_from(FORMATS))
def test_damaged_bytes_are_read_or_refused_and_nothing_else(
    tmp_path: Path, seed: int, form: str
) -> None:
    chance = random.Random(seed)
    data = bytearray(written(tmp_path / "whole", form, rows(60)).read_bytes())
    for _ in range(chance.randint(1, 12)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path = put(tmp_path, bytes(data))
    for step in (split, parse, check, look):
        refused = refused_by(step, path)
        assert refused is None or (refused.code and refused.message.endswith("."))


@given(st.binary(max_size=400))
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for start in (
        b"",
        b"at,sum,who,ref,ccy,where,fraud\n",
        b'{"at": "',
        b"\xff\xff\xff\xff",
        b"PAR1",
    ):
        path = put(tmp_path, start + content)
        for step in (split, parse, look):
            refused = refused_by(step, path)
            assert refused is None or refused.message.endswith(".")


def test_a_hundred_thousand_columns_are_refused_in_every_format(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(100_000)]
    for each in (names, [f"a_long_name_of_column_{number}" for number in range(100_000)]):
        csv = put(tmp_path, (",".join(each) + "\n").encode())
        refused = refusal(csv)
        assert refused.code == "too_many_columns"
        assert "at most 2,000 " in refused.message
    table = pa.table({name: pa.array([1], pa.int8()) for name in names[:20_000]})
    for form, new in (("arrow", pa.ipc.new_file), ("arrows", pa.ipc.new_stream)):
        path = tmp_path / form
        with new(str(path), table.schema) as out:
            out.write_table(table)
        assert refusal(path).code == "too_many_columns"
    path = tmp_path / "parquet"
    pq.write_table(table.select(names[:5000]), path)
    assert refusal(path).code == "too_many_columns"


def test_one_endless_line_is_refused_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.write(b"at,sum,who,ref,ccy,where,fraud\n2024-01-01," + b"x" * 5000)
        file.truncate(2**30)
    with SandboxPool(size=1, memory_bytes=128 * 2**20, timeout_s=30) as pool:
        for run in ("splitting:split", "parsing:parse", "checking:check", "checking:look"):
            with pytest.raises(InputRefused, match="Line 2") as refused:
                pool.call(f"apps.fraud.tables.{run}", [path, context()])
            assert refused.value.code == "line_too_long"


def test_columns_of_lists_and_objects_are_refused_by_name(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([{**row, "who": [1, 2]} for row in rows(3)])
    path = tmp_path / "nested"
    pq.write_table(table, path)
    error = refusal(path)
    assert (error.code, "'who' is of type list" in error.message) == ("nested_type", True)
    with pa.ipc.new_stream(str(path), table.schema) as out:
        out.write_table(table)
    with pytest.raises(InputRefused, match="'who' is of type list"):
        parse(path, context())


def test_a_schema_of_wrong_types_lists_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "typed"
    good = pa.Table.from_pylist(rows(2))
    wrong = good.set_column(1, "at", pa.array([True, False]))
    pq.write_table(wrong, path)
    with pytest.raises(InputRefused, match="Not one of 2 rows"):
        parse(path, context())


def test_an_empty_cell_of_numbers_is_told_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "gaps"
    good = pa.Table.from_pylist(rows(3))
    at = good.column_names.index("sum")
    pq.write_table(good.set_column(at, "sum", pa.array([1.5, None, 2.5])), path)
    told: Any = parse(path, context()).meta["problems"]
    (row,) = told["listed"]
    assert (row["line"], row["code"], row["value"]) == (2, "amount_missing", "")


def test_parquet_that_declares_more_than_memory_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    told = pa.Table.from_pylist(rows(100_000, where="x" * 200))
    pq.write_table(told, path, compression="zstd", use_dictionary=False)
    monkeypatch.setattr(parquet, "SUSPECT_BYTES", 2**20)
    monkeypatch.setattr(parquet, "MOST_UNPACKING", 20)
    assert refusal(path).code == "parquet_too_large"
    monkeypatch.setattr(parquet, "MOST_UNPACKING", 10**9)
    monkeypatch.setattr(parquet, "MOST_CHUNK", 2**20)
    error = refusal(path)
    assert error.code == "parquet_too_large"
    assert "smaller row groups" in error.message


def test_arrow_that_declares_more_than_memory_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    table = pa.Table.from_pylist(rows(20_000, where="x" * 100))
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(str(path), table.schema, options=options) as out:
        out.write_table(table)
    assert path.stat().st_size < 2**20
    monkeypatch.setattr(arrow_messages, "MOST_BATCH", 2**20)
    error = refusal(path)
    assert error.code == "batch_too_large"
    declared = int(error.message.split("unpacks to ")[1].split()[0].replace(",", ""))
    assert declared >= 20_000 * 100


def test_a_message_that_lies_about_its_size_stays_within_the_sandbox(tmp_path: Path) -> None:
    table = pa.table({name: pa.array(["x" * 50] * 1000) for name in rows(1)[0]})
    path = tmp_path / "liar"
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(str(path), table.schema, options=options) as out:
        out.write_table(table)
    data = bytearray(path.read_bytes())
    at = data.find((50_000).to_bytes(8, "little"))
    assert at > 0
    data[at : at + 8] = (2**40).to_bytes(8, "little")
    path.write_bytes(data)
    assert refusal(path).code == "batch_too_large"


def test_keys_that_are_no_names_are_left_alone(tmp_path: Path) -> None:
    line = json.dumps({**rows(1)[0], 'a"b': 1, "c\\d": 2, "e\x00f": 3, "": 4, "g" * 300: 5})
    path = put(tmp_path, line.encode())
    assert parse(path, context()).arrays["id"].tolist() == ["T-0"]
    columns: Any = look(path, context())["columns"]
    assert [one["column"] for one in columns] == list(rows(1)[0])


def test_nul_bytes_marks_and_torn_characters_cost_their_line_alone(tmp_path: Path) -> None:
    lines = [
        b"\xef\xbb\xbfref,at,sum,ccy,who,where,fraud",
        b"T-1,2024-01-01,1.5,EUR,C-1,M,0",
        b"T-2,2024-01-01,1.5,EUR,C\x00-1,M,0",
        b"T-3,2024-01-01,1.5,EUR,C-\xff\xfe,M,0",
        b"T-4,2024-01-01,1.5,EUR,C-1,M",
        b'T-5,2024-01-01,"1,500.25",EUR,C-1,M "x" y,0',
        b"",
        b"T-6,2024-01-01,1.5,EUR,C-1,M,0",
    ]
    path = put(tmp_path, b"\r\n".join(lines))
    payload = parse(path, context())
    assert payload.arrays["id"].tolist() == ["T-1", "T-5", "T-6"]
    assert payload.arrays["amount"].tolist() == [150, 150_025, 150]
    problems: Any = payload.meta["problems"]
    assert {one["line"]: one["code"] for one in problems["listed"]} == {
        3: "control_character",
        4: "bad_encoding",
        5: "fields_missing",
    }


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "商户甲"), ("cp1252", "Café Zürich")])
def test_other_encodings_are_read_as_the_mapping_says(
    tmp_path: Path, encoding: str, name: str
) -> None:
    head = "ref,at,sum,ccy,who,where,fraud\n"
    path = put(tmp_path, (head + f"T-1,2024-01-01,1.5,EUR,C-1,{name},0\n").encode(encoding))
    told = MAPPING.model_copy(update={"encoding": encoding})
    assert parse(path, context(told)).arrays["entity.terminal"].tolist() == [name]
    with pytest.raises(InputRefused, match=r"(?i)line"):
        parse(path, context())


def test_rows_of_enormous_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide"
    many = pa.DictionaryArray.from_arrays(pa.array([0] * 1200, pa.int32()), ["y" * 500_000])
    table = pa.Table.from_pylist(rows(1200))
    pq.write_table(table.set_column(5, "where", many), path)
    with SandboxPool(size=1, memory_bytes=512 * 2**20) as pool:
        options = context()
        (one,) = pool.call("apps.fraud.tables.splitting:split", [path, options])
        with pytest.raises(InputRefused) as refused:
            pool.parse("apps.fraud.tables.parsing:parse", path, {**options, **one})
    assert refused.value.code in {"values_too_large", "decode_memory", "parquet_too_large"}
