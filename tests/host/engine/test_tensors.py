"""Arrays and meta cross the wire unchanged, by each of the protocol's three ways."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from loupe.engine import tensors
from loupe.engine.errors import NotFound, RequestRefused
from loupe.sandbox.slab import Slab

SHAPES = hnp.array_shapes(min_dims=0, min_side=0, max_side=5)
TEXTS = hnp.arrays(
    np.dtype("<U5"),
    SHAPES,
    elements=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
)
ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    hnp.arrays(st.sampled_from(list(tensors.DATATYPES.values())), SHAPES) | TEXTS,
    max_size=4,
)


def no_slab(name: str) -> Slab:
    raise NotFound(name)


def same(left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )


@settings(deadline=None)
@given(ARRAYS)
def test_binary_data_comes_back_bit_by_bit(arrays: dict[str, np.ndarray]) -> None:
    encoded = tensors.encode(arrays)
    binary = memoryview(b"".join(encoded.chunks))
    assert same(tensors.decode(encoded.tensors, binary, no_slab), arrays)


def test_text_is_sent_as_narrow_as_its_characters_allow() -> None:
    for text, size in (("ab", 1), ("中文", 2), ("𝄞!", 4)):
        (chunk,) = tensors.encode({"x": np.array([text] * 10)}).chunks
        assert len(chunk) == 10 * 2 * size


def test_text_inline_is_the_protocols_list_of_strings() -> None:
    (tensor,) = tensors.encode({"x": np.array(["a", "中"])}, binary=False).tensors
    assert tensor["datatype"] == "BYTES"
    assert tensor["data"] == ["a", "中"]
    found = tensors.decode([tensor], memoryview(b""), no_slab)["x"]
    assert found.tolist() == ["a", "中"]


@pytest.mark.parametrize(
    ("parameters", "binary"),
    [
        ({"binary_data_size": 4}, b"abcd"),
        ({"binary_data_size": 4, "loupe_characters": 1, "loupe_character_bytes": 3}, b"abcd"),
        ({"binary_data_size": 4, "loupe_characters": 1, "loupe_character_bytes": 4}, b"\xff" * 4),
        ({"binary_data_size": 8, "loupe_characters": 0, "loupe_character_bytes": 4}, b"\0" * 8),
    ],
    ids=["no width", "odd width", "no character", "no characters"],
)
def test_bytes_that_are_no_text_are_refused(parameters: dict[str, Any], binary: bytes) -> None:
    tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "parameters": parameters}
    with pytest.raises(RequestRefused):
        tensors.decode([tensor], memoryview(binary), no_slab)


def test_json_data_is_read_in_the_protocols_shape() -> None:
    tensor = {"name": "x", "shape": [2, 2], "datatype": "INT32", "data": [[1, 2], [3, 4]]}
    array = tensors.decode([tensor], memoryview(b""), no_slab)["x"]
    np.testing.assert_array_equal(array, np.array([[1, 2], [3, 4]], dtype=np.int32))


def test_an_array_in_a_slab_is_not_copied() -> None:
    with Slab.private(4096) as slab:
        array = slab.array("float32", (8,), 64)
        array[:] = np.arange(8)
        encoded = tensors.encode({"x": array}, lambda a: ("s", slab.offset_of(a) or 0))
        assert not encoded.chunks
        found = tensors.decode(encoded.tensors, memoryview(b""), lambda name: slab)["x"]
        assert found.__array_interface__["data"] == array.__array_interface__["data"]


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [5]},
        {"shape": [-4]},
        {"shape": [True, 4]},
        {"shape": [2**47, 2**47, 0]},
        {"shape": "4"},
        {"datatype": "BYTES"},
        {"datatype": None},
        {"parameters": {"binary_data_size": 15}},
        {"parameters": {"binary_data_size": 2**70}},
        {"parameters": {"binary_data_size": -16}},
        {"parameters": []},
        {"name": 3},
    ],
)
def test_a_description_that_does_not_fit_its_data_is_refused(change: dict[str, Any]) -> None:
    tensor = {
        "name": "x",
        "shape": [4],
        "datatype": "FP32",
        "parameters": {"binary_data_size": 16},
    }
    with pytest.raises(RequestRefused):
        tensors.decode([{**tensor, **change}], memoryview(bytes(16)), no_slab)


def test_binary_data_that_belongs_to_no_tensor_is_refused() -> None:
    with pytest.raises(RequestRefused, match="belong to no tensor"):
        tensors.decode([], memoryview(b"x"), no_slab)


@pytest.mark.parametrize(("offset", "count"), [(4096, 1), (4092, 2), (2**62, 1)])
def test_a_place_outside_its_slab_is_refused(offset: int, count: int) -> None:
    tensor = {
        "name": "x",
        "shape": [count],
        "datatype": "FP32",
        "parameters": {
            "shared_memory_region": "s",
            "shared_memory_offset": offset,
            "shared_memory_byte_size": 4 * count,
        },
    }
    with Slab.private(4096) as slab, pytest.raises(RequestRefused) as refused:
        tensors.decode([tensor], memoryview(b""), lambda name: slab)
    assert refused.value.code == "outside_slab"
