"""In a stream a bad row is told by its number, and the others are read as a batch reads them."""

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from apps.fraud.tables.batch import read_rows
from apps.fraud.tables.stream import read_each
from loupe.contract.reading import NDJSON


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"t{number}",
        "time": "2026-03-03T10:00:00Z",
        "amount": "12.50",
        "currency": "EUR",
        "customer": f"c{number % 3}",
        **more,
    }


BAD = {
    "{broken": "parse_error",
    "[]": "bad_row",
    '{"id": "x", "nonsense": 1}': "unknown_field",
    json.dumps(row(1, amount="abc")): "amount_not_a_number",
    json.dumps(row(1, id="")): "id_missing",
    json.dumps(row(1, amount_minor=5)): "amount_twice",
    json.dumps(row(1, label_time="2026-03-03T10:00:00Z")): "label_missing",
}


@given(st.lists(st.sampled_from([None, *BAD]), min_size=1, max_size=12))
def test_good_rows_read_as_in_a_batch_and_each_bad_one_has_its_code(
    plan: list[str | None],
) -> None:
    lines = [json.dumps(row(n)) if bad is None else bad for n, bad in enumerate(plan)]
    found = read_each("\n".join(lines).encode(), NDJSON, {})
    good = [n for n, bad in enumerate(plan) if bad is None]
    assert list(found.rows) == good
    assert {n: code for n, (code, _) in found.refused.items()} == {
        n: BAD[bad] for n, bad in enumerate(plan) if bad is not None
    }
    assert found.count == len(plan)
    if good:
        body = "\n".join(lines[n] for n in good).encode()
        alone = read_rows(body, NDJSON, {}).arrays
        assert alone.keys() == found.payload.arrays.keys()
        for name, column in alone.items():
            if name != "known_at":
                np.testing.assert_array_equal(column, found.payload.arrays[name])


def test_rows_in_units_among_rows_in_minor_units_are_told() -> None:
    minor = {name: value for name, value in row(1, amount_minor=5).items() if name != "amount"}
    body = "\n".join([json.dumps(minor), json.dumps(row(2))]).encode()
    found = read_each(body, NDJSON, {})
    assert list(found.rows) == [0]
    assert found.refused[1][0] == "amount_twice"
    assert found.payload.arrays["amount"].tolist() == [5]
