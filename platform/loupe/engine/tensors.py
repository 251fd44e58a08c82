"""Payloads in the shapes of the Open Inference Protocol v2.

A tensor is sent inline as JSON ``data``, as binary data behind the JSON (the protocol's binary
tensor extension), or as a place in a slab (its shared-memory extension). A payload's `meta` has no
place in the protocol, so it rides as JSON text in the parameter ``loupe_meta``.

Text is of the datatype ``BYTES``. Inline it is the protocol's list of strings; elsewhere it is the
bare memory of a fixed-width array, told by the parameters ``loupe_characters`` (the width) and
``loupe_character_bytes`` (1, 2 or 4 each: binary data is as narrow as its characters allow).
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from loupe.contract.runtime.payload import JsonValue
from loupe.engine.errors import RequestRefused
from loupe.sandbox.slab import WIDEST_TEXT, OutsideSlab, Slab, plain

META = "loupe_meta"
DATATYPES = {
    "BOOL": np.dtype("bool"),
    "UINT8": np.dtype("uint8"),
    "UINT16": np.dtype("uint16"),
    "UINT32": np.dtype("uint32"),
    "UINT64": np.dtype("uint64"),
    "INT8": np.dtype("int8"),
    "INT16": np.dtype("int16"),
    "INT32": np.dtype("int32"),
    "INT64": np.dtype("int64"),
    "FP16": np.dtype("float16"),
    "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"),
}
_NAMES = {kind.str: name for name, kind in DATATYPES.items()}
TEXT = "BYTES"

_SIZE = "shared_memory_byte_size"
_BINARY = "binary_data_size"
_WIDTH, _EACH = "loupe_characters", "loupe_character_bytes"

Place = Callable[[np.ndarray], tuple[str, int] | None]
"""Tells the slab and offset an array already lies at, or None: send it as binary data."""

FindSlab = Callable[[str], Slab]
"""Finds a slab by the name in a request."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """`tensors` for the JSON document and the binary `chunks` that follow it."""

    tensors: list[dict[str, Any]]
    chunks: list[memoryview]


def nowhere(array: np.ndarray) -> tuple[str, int] | None:
    """A `Place` for senders without slabs."""
    return None


def encode(
    arrays: Mapping[str, np.ndarray], place: Place = nowhere, *, binary: bool = True
) -> Encoded:
    """Describe arrays; those without a place go as binary chunks, or as JSON if not `binary`.

    Raises:
        RequestRefused: an array's element type cannot be sent.
    """
    tensors: list[dict[str, Any]] = []
    chunks: list[memoryview] = []
    for name, given in arrays.items():
        array = np.asarray(given, order="C")
        datatype = datatype_of(array.dtype)
        if datatype is None:
            allowed = ", ".join(str(kind) for kind in DATATYPES.values())
            raise RequestRefused(
                f"Array {name!r} is of {array.dtype}; allowed are {allowed} and text."
            )
        tensor: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": datatype}
        where = place(array)
        if where is not None:
            tensor["parameters"] = {
                "shared_memory_region": where[0],
                "shared_memory_offset": where[1],
                "shared_memory_byte_size": array.nbytes,
            }
            if datatype == TEXT:
                tensor["parameters"] |= {_WIDTH: array.dtype.itemsize // 4, _EACH: 4}
        elif binary and datatype == TEXT:
            codes = _narrowed(array)
            tensor["parameters"] = {
                "binary_data_size": codes.nbytes,
                _WIDTH: array.dtype.itemsize // 4,
                _EACH: codes.itemsize,
            }
            if codes.nbytes:
                chunks.append(codes.view(np.uint8).data)
        elif binary:
            tensor["parameters"] = {"binary_data_size": array.nbytes}
            if array.nbytes:
                chunks.append(array.data.cast("B"))
        else:
            tensor["data"] = array.reshape(-1).tolist()
        tensors.append(tensor)
    return Encoded(tensors=tensors, chunks=chunks)


def decode(tensors: object, binary: memoryview, find: FindSlab) -> dict[str, np.ndarray]:
    """Arrays from their descriptions: views into slabs or into `binary`, nothing is copied.

    Raises:
        RequestRefused: a description is malformed, or reaches outside its memory.
    """
    if not isinstance(tensors, list):
        raise RequestRefused("The tensors must be a JSON array.")
    arrays: dict[str, np.ndarray] = {}
    for tensor in tensors:
        binary = read_one(tensor, binary, find, arrays)
    check_all_read(binary)
    return arrays


def read_one(
    tensor: object, binary: memoryview, find: FindSlab, arrays: dict[str, np.ndarray]
) -> memoryview:
    """Enter the array of one description; returns what is left of `binary`.

    Raises:
        RequestRefused: as `decode` does.
    """
    name, kind, shape, parameters = _described(tensor)
    if name in arrays:
        raise RequestRefused(f"Two tensors are called {name!r}.")
    each = _each(name, kind, parameters)
    nbytes = kind.itemsize if each is None else kind.itemsize // 4 * each.itemsize
    for size in shape:
        nbytes *= size
    if kind.kind == "U" and each is None:
        arrays[name] = _from_texts(name, shape, _data(tensor))
    elif "shared_memory_region" in parameters:
        arrays[name] = _from_slab(name, kind, shape, nbytes, parameters, find)
    elif "binary_data_size" in parameters:
        size = _whole(parameters, "binary_data_size")
        if size != nbytes or size > len(binary):
            raise RequestRefused(
                f"Tensor {name!r} needs {nbytes} bytes of binary data; binary_data_size says "
                f"{size} and {len(binary)} are left."
            )
        arrays[name] = _from_bytes(binary[:size], kind, shape, each)
        return binary[size:]
    else:
        arrays[name] = _from_json(name, kind, shape, nbytes, _data(tensor))
    return binary


def check_all_read(binary: memoryview) -> None:
    """Refuse what is left when every tensor has been read."""
    if len(binary):
        raise RequestRefused(f"{len(binary)} bytes of binary data belong to no tensor.")


def write_to_slab(
    name: str, array: np.ndarray, parameters: Mapping[str, Any], find: FindSlab
) -> dict[str, Any]:
    """Write an output where the request wants it and describe it.

    Raises:
        RequestRefused: the place is too small or not within the slab.
    """
    room = _whole(parameters, "shared_memory_byte_size")
    offset = _whole(parameters, "shared_memory_offset", 0)
    if room < array.nbytes:
        raise RequestRefused(
            f"Output {name!r} has {array.nbytes} bytes; shared_memory_byte_size says {room}."
        )
    datatype = _NAMES.get(array.dtype.str)
    if datatype is None:
        raise RequestRefused(f"Output {name!r} is of {array.dtype}: it cannot be put into a slab.")
    view = _from_slab(
        name, array.dtype, array.shape, array.nbytes, {**parameters, _SIZE: array.nbytes}, find
    )
    np.copyto(view, array)
    place = {
        "shared_memory_region": parameters["shared_memory_region"],
        "shared_memory_offset": offset,
        "shared_memory_byte_size": array.nbytes,
    }
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "parameters": place}


def encode_meta(meta: Mapping[str, JsonValue]) -> str:
    """`meta` as JSON text."""
    return msgspec.json.encode(meta).decode()


def decode_meta(parameters: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The `meta` that rode along in `parameters`.

    Raises:
        RequestRefused: it is not the text of a JSON object.
    """
    text = parameters.get(META)
    if text is None:
        return {}
    try:
        meta = msgspec.json.decode(text) if isinstance(text, str) else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestRefused(f"The parameter {META!r} is not JSON.") from error
    if not isinstance(meta, dict):
        raise RequestRefused(f"The parameter {META!r} must be the text of a JSON object.")
    return meta


@lru_cache(maxsize=256)
def datatype_of(kind: np.dtype) -> str | None:
    """What the protocol calls an element type; None: it cannot be sent."""
    if plain(kind) is None:
        return None
    return TEXT if kind.kind == "U" else _NAMES.get(kind.str)


def _data(tensor: object) -> object:
    return tensor.get("data") if isinstance(tensor, dict) else None


def _described(tensor: object) -> tuple[str, np.dtype, tuple[int, ...], dict[str, Any]]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise RequestRefused("A tensor must be a JSON object with a 'name'.")
    name = tensor["name"]
    parameters = tensor.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestRefused(f"The parameters of tensor {name!r} must be a JSON object.")
    datatype = str(tensor.get("datatype"))
    kind = _text_kind(name, parameters) if datatype == TEXT else DATATYPES.get(datatype)
    if kind is None:
        raise RequestRefused(
            f"Tensor {name!r} has the datatype {tensor.get('datatype')!r}; allowed are "
            f"{', '.join(DATATYPES)} and {TEXT}."
        )
    shape = tensor.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) > 32
        or not all(type(size) is int and 0 <= size < 2**48 for size in shape)
    ):
        raise RequestRefused(
            f"Tensor {name!r} has the shape {shape!r}; it must list sizes from 0 up."
        )
    # numpy refuses shapes whose sizes overflow together even where one of them is zero.
    if math.prod(size or 1 for size in shape) >= 2**48:
        raise RequestRefused(f"Tensor {name!r} has the shape {shape!r}, which is too large.")
    return name, kind, tuple(shape), parameters


def _text_kind(name: str, parameters: Mapping[str, Any]) -> np.dtype:
    width = _whole(parameters, _WIDTH, 1)
    if not 1 <= width <= WIDEST_TEXT:
        raise RequestRefused(
            f"Tensor {name!r} has {width} characters an element; allowed are 1 to {WIDEST_TEXT}."
        )
    return np.dtype(f"=U{width}")


def _each(name: str, kind: np.dtype, parameters: Mapping[str, Any]) -> np.dtype | None:
    """How a character lies in memory; None: numbers, or text inline."""
    if kind.kind != "U" or not ("shared_memory_region" in parameters or _BINARY in parameters):
        return None
    size = _whole(parameters, _EACH, 0)
    if size not in {4} | ({1, 2} if _BINARY in parameters else set()):
        raise RequestRefused(
            f"Tensor {name!r} has {_EACH}={size}: send text inline, or as 4 bytes a character (1 "
            "or 2 where they suffice, as binary data)."
        )
    return np.dtype(f"<u{size}")


def _from_slab(
    name: str,
    kind: np.dtype,
    shape: tuple[int, ...],
    nbytes: int,
    parameters: Mapping[str, Any],
    find: FindSlab,
) -> np.ndarray:
    offset = _whole(parameters, "shared_memory_offset", 0)
    size = _whole(parameters, "shared_memory_byte_size")
    if size != nbytes:
        raise RequestRefused(
            f"Tensor {name!r} needs {nbytes} bytes; shared_memory_byte_size says {size}."
        )
    slab = find(str(parameters["shared_memory_region"]))
    try:
        return slab.array(kind, shape, offset)
    except OutsideSlab as error:
        raise RequestRefused(f"Tensor {name!r}: {error}", code="outside_slab") from error


def _from_bytes(
    data: memoryview, kind: np.dtype, shape: tuple[int, ...], each: np.dtype | None
) -> np.ndarray:
    if not data:
        return np.empty(shape, dtype=kind)
    if each is not None:
        codes = np.frombuffer(data, dtype=each).astype(np.uint32)
        if each.itemsize == 4 and codes.max() > sys.maxunicode:
            raise RequestRefused("A tensor of text holds numbers that are no characters.")
        return codes.view(kind).reshape(shape)
    array = np.frombuffer(data, dtype=kind).reshape(shape)
    return array if array.flags.aligned else array.copy()


def _narrowed(array: np.ndarray) -> np.ndarray:
    """The characters of a text array, one number each, as small as the largest of them allows."""
    codes = array.reshape(-1).view(np.uint32)
    most = codes.max(initial=0)
    return codes.astype(np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32)


def _from_texts(name: str, shape: tuple[int, ...], data: object) -> np.ndarray:
    if not isinstance(data, list):
        raise RequestRefused(f"Tensor {name!r} comes with no data.")
    flat = [*data]
    if not all(isinstance(text, str) and len(text) <= WIDEST_TEXT for text in flat):
        raise RequestRefused(
            f"Tensor {name!r}: its data are not a flat list of texts of at most {WIDEST_TEXT} "
            "characters."
        )
    width = max(map(len, flat), default=0) or 1
    if len(flat) != math.prod(shape) or len(flat) * width >= 2**28:
        raise RequestRefused(
            f"Tensor {name!r} of shape {list(shape)} comes with {len(flat)} texts of up to {width} "
            "characters."
        )
    return np.array(flat, dtype=f"=U{width}").reshape(shape)


def _from_json(
    name: str, kind: np.dtype, shape: tuple[int, ...], nbytes: int, data: object
) -> np.ndarray:
    if not isinstance(data, list):
        raise RequestRefused(f"Tensor {name!r} comes with no data.")
    try:
        array = np.array(data, dtype=kind)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestRefused(
            f"Tensor {name!r}: its data are not {kind} numbers: {error}."
        ) from error
    if array.nbytes != nbytes:
        raise RequestRefused(
            f"Tensor {name!r} of shape {list(shape)} comes with {array.size} values."
        )
    return array.reshape(shape)


def _whole(parameters: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = parameters.get(key, default)
    if type(value) is not int or not 0 <= value < 2**63:
        raise RequestRefused(
            f"The parameter {key!r} is {value!r}; it must be a whole number from 0 up."
        )
    return value
