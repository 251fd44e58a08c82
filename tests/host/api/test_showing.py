"""A row of a batch is shown as it would be alone."""

import io
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import BaseModel

from loupe.api.sync.showing import Decided, formed
from loupe.contract.outcomes import DecisionColumns


class Result(BaseModel):
    """One scored row."""

    id: str
    features: dict[str, float]


APP: Any = SimpleNamespace(result_schema=Result)


@pytest.fixture
def found() -> Decided:
    return Decided(
        columns={
            "id": np.array(["a", "b", "c"]),
            "features.x": np.array([1.0, np.nan, 3.0]),
            "features.y": np.array([4.0, 5.0, 6.0], np.float32),
        },
        decisions=DecisionColumns(
            outcome=np.array(["approve", "review", "block"]),
            score=np.array([0.1, 0.5, 0.9]),
            label=np.array(["", "fraud", ""]),
        ),
        reasons={"1": [{"code": "large"}]},
    )


@pytest.mark.parametrize("left_out", [(), ("features",)])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_a_row_of_a_batch_is_that_row_alone(
    found: Decided, row: int, left_out: tuple[str, ...]
) -> None:
    alone = formed(APP, found.part(row, row + 1), {"app": "a"}, left_out, arrow=False)
    inside = formed(
        APP, found, {"app": "a"}, left_out, arrow=False, first=row, stop=row + 1
    )  # fmt: skip
    assert json.loads(inside.body) == json.loads(alone.body)
    (told,) = json.loads(inside.body)["rows"]
    assert told["data"]["id"] == "abc"[row]
    assert ("features" in told["data"]) == (not left_out)
    assert told["decision"]["reasons"] == ([{"code": "large"}] if row == 1 else [])


def test_calls_of_one_batch_may_leave_out_different_fields(found: Decided) -> None:
    """Rows are made once for each choice of fields, and none sees the other's."""
    short = json.loads(formed(APP, found, {}, ("features",), arrow=False, first=1, stop=2).body)
    whole = json.loads(formed(APP, found, {}, (), arrow=False, first=1, stop=2).body)
    again = json.loads(formed(APP, found, {}, ("features",), arrow=False, first=1, stop=2).body)
    assert "features" not in short["rows"][0]["data"]
    assert whole["rows"][0]["data"]["features"] == {"y": 5.0}
    assert again == short


def test_a_row_of_a_batch_can_be_told_in_arrow(found: Decided) -> None:
    body = formed(APP, found, {"app": "a"}, (), arrow=True, first=1, stop=2).body
    with pa.ipc.open_stream(io.BytesIO(body)) as reader:
        table = reader.read_all()
    assert table["id"].to_pylist() == ["b"]
    facts = json.loads(table.schema.metadata[b"loupe"])
    assert facts == {"app": "a", "reasons": {"0": [{"code": "large"}]}}


def test_without_results_rows_have_decisions_alone(found: Decided) -> None:
    fallen_back = Decided(columns=None, decisions=found.decisions)
    body = formed(APP, fallen_back, {}, (), arrow=False, first=2, stop=3).body
    (told,) = json.loads(body)["rows"]
    assert told["data"] is None
    assert told["decision"]["outcome"] == "block"
