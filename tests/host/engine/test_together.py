"""Columns described together come back as one by one, and nothing beside them is read."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loupe.contract.runtime.payload import Payload
from loupe.engine import tensors, together
from loupe.engine.errors import RequestRefused
from tests.host.engine.test_tensors import ARRAYS, no_slab, same

COLUMNS = st.integers(0, 3).flatmap(
    lambda rows: st.dictionaries(
        st.text(min_size=1, max_size=8),
        hnp.arrays(st.sampled_from(["<f4", "<i8", "<f8", "?", "<U3"]), rows),
        max_size=12,
    )
)
META = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3),
    ),
    max_size=4,
)
TWO = {"names": ["a", "b"], "shape": [2], "datatype": "FP32"}


@settings(deadline=None)
@given(ARRAYS | COLUMNS)
def test_arrays_come_back_bit_by_bit_and_in_their_order(arrays: dict[str, np.ndarray]) -> None:
    encoded = together.encode(arrays)
    binary = memoryview(b"".join(encoded.chunks))
    found = together.decode(encoded.tensors, binary, no_slab)
    assert same(found, arrays)
    assert list(found) == list(arrays)


@settings(deadline=None)
@given(ARRAYS | COLUMNS, META)
def test_a_packed_payload_comes_back_bit_by_bit(
    arrays: dict[str, np.ndarray], meta: dict[str, Any]
) -> None:
    payload = together.unpack(together.pack(Payload(arrays=arrays, meta=meta)))
    assert same(payload.arrays, arrays)
    assert payload.meta == meta


def test_a_block_that_was_packed_one_by_one_is_still_read() -> None:
    arrays = {"a": np.arange(3.0), "b": np.arange(3.0), "c": np.array(["x", "", "中"])}
    encoded = tensors.encode(arrays)
    head = msgspec.json.encode({"tensors": encoded.tensors, "meta": {"kind": "rows"}})
    payload = together.unpack(b"".join([len(head).to_bytes(4, "little"), head, *encoded.chunks]))
    assert same(payload.arrays, arrays)
    assert payload.meta == {"kind": "rows"}


def test_neighbours_that_are_alike_take_one_description() -> None:
    features = {f"feature.{n}": np.full(2, n, np.float32) for n in range(100)}
    texts = {
        "id": np.array(["a", "b"]),
        "card": np.array(["中", "𝄞!"]),
        "empty": np.array(["", ""]),
    }
    arrays = {**texts, **features, "sequence": np.arange(2)}
    encoded = together.encode(arrays)
    assert [tensor.get("names", [tensor.get("name")]) for tensor in encoded.tensors] == [
        list(texts),
        list(features),
        ["sequence"],
    ]
    assert len(encoded.chunks) == 3


def test_long_texts_are_sent_as_narrow_as_their_characters_allow() -> None:
    arrays = {name: np.array(["ab"] * together.SHORT_BYTES) for name in ("a", "b")}
    encoded = together.encode(arrays)
    assert [len(chunk) for chunk in encoded.chunks] == [2 * together.SHORT_BYTES] * 2


@pytest.mark.parametrize("odd", [np.array(["b"], ">U1"), np.array([1 + 2j]), np.array([None])])
def test_what_cannot_be_sent_alone_cannot_be_sent_with_others(odd: np.ndarray) -> None:
    with pytest.raises(RequestRefused, match="'odd' is of"):
        together.encode({"a": np.array(["a"]), "odd": odd})


@pytest.mark.parametrize(
    "widths", [None, [1], [1, 0], [1, True], [1, 2**40], "11", [2, 2]], ids=repr
)
def test_texts_whose_widths_do_not_fit_are_refused(widths: object) -> None:
    tensor = {"names": ["a", "b"], "shape": [1], "datatype": "BYTES"}
    whole = {**tensor, "parameters": {"binary_data_size": 8, "loupe_characters": [1, 1]}}
    found = together.decode([whole], memoryview("xy".encode("utf-32-le")), no_slab)
    assert [column.tolist() for column in found.values()] == [["x"], ["y"]]
    wrong = {**tensor, "parameters": {"binary_data_size": 8, "loupe_characters": widths}}
    with pytest.raises(RequestRefused):
        together.decode([wrong], memoryview("xy".encode("utf-32-le")), no_slab)


def test_numbers_that_are_no_characters_are_refused() -> None:
    tensor = {"names": ["a", "b"], "shape": [1], "datatype": "BYTES"}
    whole = {**tensor, "parameters": {"binary_data_size": 8, "loupe_characters": [1, 1]}}
    with pytest.raises(RequestRefused, match="no characters"):
        together.decode([whole], memoryview(b"\xff" * 8), no_slab)


@pytest.mark.parametrize(
    ("change", "binary"),
    [
        ({}, 15),
        ({}, 17),
        ({"parameters": {"binary_data_size": 8}}, 16),
        ({"parameters": {}}, 16),
        ({"parameters": None}, 16),
        ({"shape": [-2]}, 16),
        ({"shape": [2, 1]}, 16),
        ({"shape": [True]}, 8),
        ({"shape": "2"}, 16),
        ({"shape": [2**50]}, 16),
        ({"names": ["a", "a"]}, 16),
        ({"names": ["a", "before"]}, 16),
        ({"names": ["a", 3]}, 16),
        ({"names": "ab"}, 16),
        ({"datatype": "BYTES"}, 16),
        ({"datatype": None}, 16),
    ],
)
def test_a_description_that_does_not_fit_its_data_is_refused(
    change: dict[str, Any], binary: int
) -> None:
    before = {"name": "before", "shape": [0], "datatype": "FP32", "data": []}
    whole = {**TWO, "parameters": {"binary_data_size": 16}}
    assert list(together.decode([before, whole], memoryview(bytes(16)), no_slab)) == [
        "before",
        "a",
        "b",
    ]
    with pytest.raises(RequestRefused):
        together.decode([before, {**whole, **change}], memoryview(bytes(binary)), no_slab)


def test_a_request_of_the_protocols_form_cannot_describe_its_arrays_so() -> None:
    tensor = {**TWO, "parameters": {"binary_data_size": 16}}
    with pytest.raises(RequestRefused, match="must be a JSON object with a 'name'"):
        tensors.decode([tensor], memoryview(bytes(16)), no_slab)
