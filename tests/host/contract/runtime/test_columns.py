"""Rows with dictionaries become columns and come back as they were."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from loupe.contract.runtime.columns import (
    MOST_COLUMNS,
    conformed,
    dtypes,
    from_rows,
    nested,
    spread,
    to_rows,
)
from loupe.contract.runtime.errors import InputRefused


class Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str
    words: dict[str, str] = {}
    figures: dict[str, float] = {}


class Counted(BaseModel):
    counts: dict[str, int]
    marks: dict[str, bool] = {}


KEYS = st.text("abc.é中", min_size=1, max_size=4)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
ROWS = st.lists(
    st.builds(
        Row,
        name=TEXTS,
        words=st.dictionaries(KEYS, TEXTS.filter(bool), max_size=3),
        figures=st.dictionaries(KEYS, st.floats(allow_nan=False), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


@given(ROWS)
def test_rows_come_back_from_columns_as_they_were(rows: list[Row]) -> None:
    columns = from_rows(rows, Row)
    assert [Row(**row) for row in to_rows(columns, Row)] == rows
    flat = [
        {name: column[number].item() for name, column in columns.items()}
        for number in range(len(rows))
    ]
    assert [Row(**nested(one, Row)) for one in flat] == rows


def test_a_missing_key_is_nan_or_the_empty_text() -> None:
    rows = [Row(name="x", words={"a": "1"}, figures={"f": 1.0}), Row(name="y")]
    columns = from_rows(rows, Row)
    assert list(columns) == ["schema_version", "name", "words.a", "figures.f"]
    assert columns["words.a"].tolist() == ["1", ""]
    np.testing.assert_array_equal(columns["figures.f"], [1.0, np.nan])
    assert spread(columns, "figures").keys() == {"f"}


def test_float32_stays_float32_and_other_numbers_become_the_schemas() -> None:
    columns: dict[str, np.ndarray] = {
        "name": np.array(["x"]),
        "schema_version": np.ones(1, dtype=np.int32),
        "figures.half": np.ones(1, dtype=np.float16),
        "figures.single": np.ones(1, dtype=np.float32),
        "figures.whole": np.ones(1, dtype=np.int64),
        "of no field": np.ones(1),
    }
    found = {name: column.dtype.name for name, column in conformed(columns, Row).items()}
    found.pop("name")
    assert found == {
        "schema_version": "int64",
        "figures.half": "float64",
        "figures.single": "float32",
        "figures.whole": "float64",
    }


def test_whole_numbers_and_truth_values_are_never_missing() -> None:
    columns = from_rows([Counted(counts={"a": 1}, marks={"m": False})], Counted)
    assert to_rows(columns, Counted) == [{"counts": {"a": 1}, "marks": {"m": False}}]
    with pytest.raises(InputRefused, match=r"Row 1 lacks counts\.a, which others have"):
        from_rows([Counted(counts={"a": 1}), Counted(counts={})], Counted)


def test_keys_without_end_are_refused() -> None:
    many = {f"k{n}": 1.0 for n in range(MOST_COLUMNS)}
    with pytest.raises(InputRefused, match="at most 2,048 are kept"):
        from_rows([Row(name="x", figures=many)], Row)


@pytest.mark.parametrize("few", [1, 3, 8])
def test_a_row_is_read_alike_from_few_and_from_many(few: int) -> None:
    """The two ways differ in speed alone: what is missing is missing in both."""
    columns = {
        "name": np.array([f"n{n}" for n in range(24)]),
        "schema_version": np.ones(24, np.int64),
        "words.a": np.array(["", "x"] * 12),
        "words.b": np.array(["y"] * 24),
        "figures.f": np.array([1.0, np.nan, 3.0] * 8, np.float32),
    }
    many = to_rows(columns, Row)
    assert many[1]["words"] == {"a": "x", "b": "y"}
    assert many[1]["figures"] == {}
    for first in range(0, 24, few):
        part = {name: column[first : first + few] for name, column in columns.items()}
        assert to_rows(part, Row) == many[first : first + few]


def test_rows_without_keys_keep_their_number() -> None:
    rows = [Row(name="x"), Row(name="y")]
    assert to_rows(from_rows(rows, Row), Row) == [row.model_dump() for row in rows]


@pytest.mark.parametrize("annotation", [list[str], dict[int, str], dict[str, list[int]], object])
def test_what_is_no_column_is_refused_by_name(annotation: Any) -> None:
    odd = type("Odd", (BaseModel,), {"__annotations__": {"field": annotation}})
    with pytest.raises(TypeError, match=r"Odd\.field"):
        dtypes(odd)


def test_a_field_may_not_be_called_as_the_decision_is() -> None:
    odd = type("Odd", (BaseModel,), {"__annotations__": {"decision": str}})
    with pytest.raises(TypeError, match=r"Odd\.decision"):
        dtypes(odd)


class Scored(BaseModel):
    score: float
    figures: dict[str, float] = {}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_of_its_own_that_is_not_finite_is_refused_by_field_and_row(value: float) -> None:
    columns = {"score": np.array([0.5, value]), "figures.a": np.array([np.nan, 1.0])}
    with pytest.raises(InputRefused, match="score of row 1 is") as caught:
        conformed(columns, Scored)
    assert caught.value.code == "result_not_finite"
    kept = conformed({**columns, "score": np.array([0.5, 0.1])}, Scored)
    assert kept["score"].tolist() == [0.5, 0.1]
