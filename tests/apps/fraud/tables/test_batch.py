"""Promises of batches: three forms say the same, and one bad row refuses all, by its name."""

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.fraud.events import fields
from apps.fraud.live.limits import TOLERATED_SKEW_MS
from apps.fraud.scheme import CARD_PAYMENTS
from apps.fraud.tables import batch
from apps.fraud.tables.batch import read_rows
from apps.fraud.tables.stream import read_each
from loupe.contract.reading import ARROW, JSON, NDJSON
from loupe.contract.runtime.errors import InputRefused

ROW = {
    "id": "T-1",
    "time": "2024-03-03T14:05:11Z",
    "amount": "42.50",
    "currency": "EUR",
    "customer": "C-1",
    "terminal": "M-7",
    "country": "DE",
}


def many(count: int) -> list[dict[str, Any]]:
    return [{**ROW, "id": f"T-{n}", "amount": f"{n}.25"} for n in range(count)]


def arrow(rows: list[dict[str, Any]], **options: Any) -> bytes:
    table = pa.Table.from_pylist(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def body(rows: list[dict[str, Any]], media_type: str) -> bytes:
    if media_type == ARROW:
        return arrow(rows)
    if media_type == NDJSON:
        return "\n".join(json.dumps(row) for row in rows).encode()
    return json.dumps(rows).encode()


def refused(rows: list[dict[str, Any]], media_type: str = JSON) -> InputRefused:
    with pytest.raises(InputRefused) as found:
        read_rows(body(rows, media_type), media_type, {})
    return found.value


@pytest.mark.parametrize("media_type", [JSON, NDJSON, ARROW])
def test_every_form_gives_the_columns_of_the_frame(media_type: str) -> None:
    found = read_rows(body(many(50), media_type), media_type, {})
    assert list(found.arrays) == list(fields(CARD_PAYMENTS))
    assert found.arrays["amount"].tolist() == [n * 100 + 25 for n in range(50)]
    assert set(found.arrays["event_time"].tolist()) == {1_709_474_711_000}
    assert found.arrays["attribute.country"].tolist() == ["DE"] * 50
    assert found.meta["kind"] == "rows"


def test_one_object_is_a_batch_of_one() -> None:
    assert read_rows(json.dumps(ROW).encode(), JSON, {}).arrays["id"].tolist() == ["T-1"]


def test_times_may_be_milliseconds_and_amounts_minor_units() -> None:
    row = {**ROW, "time": 1_709_474_711_000, "amount_minor": 4250}
    del row["amount"]
    found = read_rows(json.dumps([row]).encode(), JSON, {}).arrays
    assert (found["amount"].tolist(), found["event_time"].tolist()) == ([4250], [1_709_474_711_000])
    both = refused([{**row, "amount": "1"}])
    assert both.code == "amount_twice"


@pytest.mark.parametrize("media_type", [JSON, NDJSON, ARROW])
@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"amount": "-5"}, "amount_negative", "Row 2, amount = '-5'"),
        ({"currency": "ZZZ"}, "currency_unknown", "Row 2, currency = 'ZZZ'"),
        ({"time": "yesterday"}, "time_unreadable", "Row 2, time = 'yesterday'"),
        ({"time": "1990-01-01T00:00:00Z"}, "time_out_of_span", "2000-01-01"),
        ({"time": "2150-01-01T00:00:00Z"}, "time_out_of_span", "Row 2"),
        ({"id": ""}, "id_missing", "Row 2, id"),
        ({"id": "T-0"}, "duplicate_id", "line 1"),
        ({"customer": None}, "payer_missing", "Row 2, customer"),
        ({"customer": "x" * 129}, "too_long", "at most 128"),
        ({"device": "a\u0007b"}, "control_character", "Row 2, device"),
    ],
)
def test_a_bad_row_refuses_the_batch_and_is_named(
    media_type: str, changed: dict[str, Any], code: str, words: str
) -> None:
    rows = [{**row, "device": "d"} for row in many(3)]
    rows[1] |= changed
    error = refused(rows, media_type)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize("media_type", [JSON, NDJSON, ARROW])
def test_a_time_of_a_label_without_a_label_is_refused(media_type: str) -> None:
    rows = [{**row, "label_time": "2026-03-03T10:00:00Z"} for row in many(2)]
    error = refused(rows, media_type)
    assert error.code == "label_missing"
    assert "send both or none" in error.message
    if media_type != ARROW:
        rows[0]["label"] = 1
        assert "Row 2 says when" in refused(rows, media_type).message


@pytest.mark.parametrize("media_type", [JSON, NDJSON, ARROW])
def test_a_field_nobody_declared_is_refused_with_those_that_are(media_type: str) -> None:
    error = refused([{**ROW, "colour": "blue"}], media_type)
    assert error.code == "unknown_field"
    assert "'colour'" in error.message
    assert "customer, terminal, device, address, country, channel" in error.message


def test_nested_values_and_numbers_json_does_not_have_are_refused() -> None:
    assert refused([{**ROW, "customer": ["a"]}]).code == "nested_value"
    assert refused([{**ROW, "customer": ["a"]}], ARROW).code == "nested_type"
    assert refused([{**ROW, "id": "a"}, {**ROW, "id": "a\u202eb"}]).message.startswith(
        r"Row 2, id = 'a\u202eb': "
    )


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("NaN", "amount is NaN"),
        ("-Infinity", "amount is -Infinity"),
        ("1e400", "amount: the number is beyond"),
    ],
)
@pytest.mark.parametrize("media_type", [JSON, NDJSON])
def test_numbers_that_json_does_not_have_are_named_by_their_field(
    written: str, words: str, media_type: str
) -> None:
    row = f'{{"id": "a", "time": 1709474711000, "amount": {written}, "customer": "c"}}'
    with pytest.raises(InputRefused, match=words):
        read_rows(row.encode(), media_type, {})
    told = read_each(row.encode(), NDJSON, {}).refused
    assert words in told[0][1]


@pytest.mark.parametrize("media_type", [JSON, NDJSON, ARROW])
def test_a_clock_is_ahead_as_far_as_live_state_tolerates(media_type: str) -> None:
    now = int(time.time() * 1000)
    seconds = batch.AHEAD
    assert seconds * 1000 == TOLERATED_SKEW_MS
    rows = [{**ROW, "time": now + seconds * 1000 - 60_000}]
    assert len(read_rows(body(rows, media_type), media_type, {}).arrays["id"]) == 1
    rows = [*rows, {**ROW, "id": "T-9", "time": now + seconds * 1000 + 60_000}]
    error = refused(rows, media_type)
    assert (error.code, error.message[:12]) == ("time_out_of_span", "Row 2, time ")


def test_a_column_that_comes_twice_is_named() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["id", "id"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, twice.schema) as writer:
        writer.write_table(twice)
    with pytest.raises(InputRefused, match="called 'id'") as error:
        read_rows(bytes(sink.getvalue()), ARROW, {})
    assert error.value.code == "column_twice"


def test_rows_that_say_the_same_twice_are_both_answered() -> None:
    found = read_rows(json.dumps([ROW, ROW]).encode(), JSON, {})
    assert found.arrays["id"].tolist() == ["T-1", "T-1"]


def test_a_look_alike_is_told_and_scored() -> None:
    rows = [{**ROW, "customer": "paypal"}, {**ROW, "id": "T-2", "customer": "раypal"}]
    problems: Any = read_rows(json.dumps(rows).encode(), JSON, {}).meta["problems"]
    assert [one["code"] for one in problems["listed"]] == ["lookalike"]


def test_an_arrow_stream_that_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{**row, "device": "x" * 100} for row in many(2000)]
    sent = arrow(rows, compression="zstd")
    assert len(read_rows(sent, ARROW, {}).arrays["id"]) == 2000
    monkeypatch.setattr(batch, "BODY_BYTES", 50_000)
    with pytest.raises(InputRefused, match="unpack to") as error:
        read_rows(sent, ARROW, {})
    assert error.value.code == "batch_too_large"


def test_no_arrow_library_is_loaded_for_json() -> None:
    code = (
        "import sys, json; from apps.fraud.tables.batch import read_rows; "
        f"read_rows({json.dumps([ROW])!r}.encode(), 'application/json', {{}}); "
        "print([name for name in ('pyarrow', 'polars', 'pandas', 'torch') if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=240
    )
    assert answer.stdout.strip() == "[]"


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([JSON, NDJSON, ARROW, "text/csv"]))
def test_any_bytes_are_read_or_refused(content: bytes, media_type: str) -> None:
    try:
        read_rows(content, media_type, {})
    except InputRefused as error:
        message = error.message
    else:
        message = "It was read."
    assert message.endswith(".")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(946_684_800_000, 1_700_000_000_000)),
        min_size=1,
        max_size=20,
    )
)
def test_amounts_and_times_come_through_unchanged(values: list[tuple[int, int]]) -> None:
    rows = [
        {**ROW, "id": f"T-{n}", "time": time, "amount": f"{minor // 100}.{minor % 100:02d}"}
        for n, (minor, time) in enumerate(values)
    ]
    for media_type in (JSON, ARROW):
        found = read_rows(body(rows, media_type), media_type, {}).arrays
        assert found["amount"].tolist() == [minor for minor, _ in values]
        assert np.array_equal(found["event_time"], [time for _, time in values])
