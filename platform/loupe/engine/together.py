"""Columns that are alike are described once: a table of a hundred short ones is mostly description.

Neighbours of one length become one tensor with ``names`` in place of ``name``, if they are numbers
of one datatype or short texts; its ``shape`` is that of each of them, and their binary data lie one
after the other. Texts have four bytes a character there; ``loupe_characters`` lists their widths.
Arrays of other than one dimension stand for themselves. Loupe's own clients send requests of this
form, and ask for such answers, by the parameter ``loupe_together``; packed payloads (`pack`) have
it as well.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.engine import tensors
from loupe.engine.errors import RequestRefused
from loupe.engine.tensors import DATATYPES, TEXT, Encoded, FindSlab
from loupe.sandbox.slab import WIDEST_TEXT, Slab

ASKED = "loupe_together"
"""The parameter of a request that is of this form and asks for it."""
WIDTHS = "loupe_characters"
SHORT_BYTES = 2**12
"""A column of text beyond this stands for itself."""


def encode(arrays: Mapping[str, np.ndarray]) -> Encoded:
    """Describe arrays; all go as binary chunks.

    Raises:
        RequestRefused: an array's element type cannot be sent.
    """
    described: list[dict[str, Any]] = []
    chunks: list[memoryview] = []
    for names, alike in _runs(arrays):
        if len(names) == 1:
            one = tensors.encode({names[0]: alike[0]})
            described += one.tensors
            chunks += one.chunks
            continue
        if alike[0].dtype.kind == "U":
            data = b"".join([array.tobytes() for array in alike])
            widths = [array.dtype.itemsize // 4 for array in alike]
            parameters = {"binary_data_size": len(data), WIDTHS: widths}
            chunk = memoryview(data)
        else:
            whole = np.concatenate(alike)
            parameters = {"binary_data_size": whole.nbytes}
            chunk = whole.data.cast("B") if whole.nbytes else memoryview(b"")
        described.append(
            {
                "names": names,
                "shape": list(alike[0].shape),
                "datatype": tensors.datatype_of(alike[0].dtype),
                "parameters": parameters,
            }
        )
        if len(chunk):
            chunks.append(chunk)
    return Encoded(tensors=described, chunks=chunks)


def decode(described: object, binary: memoryview, find: FindSlab) -> dict[str, np.ndarray]:
    """Arrays from their descriptions, as `tensors.decode`, those of `encode` among them.

    Raises:
        RequestRefused: a description is malformed, or reaches outside its memory.
    """
    if not isinstance(described, list):
        raise RequestRefused("The tensors must be a JSON array.")
    arrays: dict[str, np.ndarray] = {}
    for tensor in described:
        if isinstance(tensor, dict) and "names" in tensor:
            binary = _read_run(tensor, binary, arrays)
        else:
            binary = tensors.read_one(tensor, binary, find, arrays)
    tensors.check_all_read(binary)
    return arrays


def pack(payload: Payload) -> bytes:
    """A payload as one block of bytes, for journals and records."""
    encoded = encode(payload.arrays)
    head = msgspec.json.encode({"tensors": encoded.tensors, "meta": dict(payload.meta)})
    return b"".join([len(head).to_bytes(4, "little"), head, *encoded.chunks])


def unpack(block: bytes | memoryview) -> Payload:
    """What `pack` wrote."""
    view = memoryview(block)
    end = 4 + int.from_bytes(view[:4], "little")
    document = msgspec.json.decode(view[4:end])
    return Payload(arrays=decode(document["tensors"], view[end:], _no_slab), meta=document["meta"])


def _runs(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Neighbours that are alike, in order."""
    names: list[str] = []
    alike: list[np.ndarray] = []
    # What the next one must be to go along; 0: nothing does.
    length, kind, short = 0, np.dtype(np.void), False
    for name, given in arrays.items():
        array = np.asarray(given)
        dtype = array.dtype
        if not (
            length
            and array.ndim == 1
            and len(array) == length
            and (_short(array) if short else dtype == kind)
        ):
            if names:
                yield names, alike
            names, alike = [], []
            datatype = tensors.datatype_of(dtype) if array.ndim == 1 else None
            short = datatype == TEXT and _short(array)
            length = len(array) if short or datatype in DATATYPES else 0
            kind = dtype
        names.append(name)
        alike.append(array)
    if names:
        yield names, alike


def _short(array: np.ndarray) -> bool:
    dtype = array.dtype
    return (
        dtype.kind == "U" and array.nbytes <= SHORT_BYTES and dtype.isnative and dtype.itemsize > 0
    )


def _read_run(
    tensor: dict[str, Any], binary: memoryview, arrays: dict[str, np.ndarray]
) -> memoryview:
    """Enter the columns of one description; returns what is left of `binary`."""
    names, shape, parameters = (tensor.get(key) for key in ("names", "shape", "parameters"))
    if not (
        isinstance(names, list)
        and set(map(type, names)) <= {str}
        and isinstance(shape, list)
        and len(shape) == 1
        and type(shape[0]) is int
        and 0 <= shape[0] < 2**48
        and isinstance(parameters, dict)
    ):
        raise RequestRefused("Tensors that are described together are columns by name.")
    if len(set(names)) < len(names) or not arrays.keys().isdisjoint(names):
        raise RequestRefused("Two of the tensors that are described together have one name.")
    count, datatype = shape[0], tensor.get("datatype")
    kind = DATATYPES.get(str(datatype))
    if kind is None and datatype != TEXT:
        raise RequestRefused(f"Tensors described together are of the datatype {datatype!r}.")
    widths = _widths(parameters, len(names)) if kind is None else []
    needed = count * (4 * sum(widths) if kind is None else kind.itemsize * len(names))
    size = parameters.get("binary_data_size")
    if size != needed or needed > len(binary):
        raise RequestRefused(
            f"{len(names)} tensors of {count} values need {needed} bytes of binary data; "
            f"binary_data_size says {size} and {len(binary)} are left."
        )
    if kind is None:
        arrays.update(zip(names, _texts(binary[:needed], count, widths), strict=True))
    else:
        whole = np.frombuffer(binary[:needed], kind) if needed else np.empty(0, kind)
        whole = whole if whole.flags.aligned else whole.copy()
        arrays.update(zip(names, whole.reshape(len(names), count), strict=True))
    return binary[needed:]


def _widths(parameters: Mapping[str, Any], count: int) -> list[int]:
    """Characters of each column of texts."""
    widths = parameters.get(WIDTHS)
    if not (
        isinstance(widths, list)
        and len(widths) == count
        and all(type(width) is int and 1 <= width <= WIDEST_TEXT for width in widths)
    ):
        raise RequestRefused(
            f"{WIDTHS} of {count} tensors of text must list as many widths, from 1 to "
            f"{WIDEST_TEXT}."
        )
    return widths


@lru_cache(maxsize=1024)
def _text(width: int) -> np.dtype:
    return np.dtype(f"=U{width}")


def _texts(data: memoryview, count: int, widths: Sequence[int]) -> Iterator[np.ndarray]:
    codes = np.frombuffer(data, np.uint32).copy()  # aligned
    if codes.max(initial=0) > sys.maxunicode:
        raise RequestRefused("Tensors of text hold numbers that are no characters.")
    at = 0
    for width in widths:
        stop = at + count * width
        yield codes[at:stop].view(_text(width)) if count else np.empty(0, _text(width))
        at = stop


def _no_slab(name: str) -> Slab:
    raise RequestRefused(f"There is no slab {name!r}.")
