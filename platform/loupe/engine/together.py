"""Columns that are alike are described once: a table of a hundred short ones is mostly description.

Neighbours of one datatype and one length become one tensor with ``names`` in place of ``name``; its
``shape`` is that of each of them, and their binary data lie one after the other. Text and arrays of
other than one dimension stand for themselves. Loupe's own clients ask for answers of this form by
the parameter ``loupe_together``; packed payloads (`pack`) have it as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.engine import tensors
from loupe.engine.errors import RequestRefused
from loupe.engine.tensors import DATATYPES, Encoded, FindSlab
from loupe.sandbox.slab import Slab

ASKED = "loupe_together"
"""The parameter of a request that asks for it."""


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
        whole = np.concatenate(alike)
        described.append(
            {
                "names": names,
                "shape": list(alike[0].shape),
                "datatype": tensors.datatype_of(whole.dtype),
                "parameters": {"binary_data_size": whole.nbytes},
            }
        )
        if whole.nbytes:
            chunks.append(whole.data.cast("B"))
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
    for name, given in arrays.items():
        array = np.asarray(given)
        if alike and not (
            array.dtype == alike[0].dtype and array.shape == alike[0].shape and _column(array)
        ):
            yield names, alike
            names, alike = [], []
        names.append(name)
        alike.append(array)
    if names:
        yield names, alike


def _column(array: np.ndarray) -> bool:
    return array.ndim == 1 and tensors.datatype_of(array.dtype) in DATATYPES


def _read_run(
    tensor: dict[str, Any], binary: memoryview, arrays: dict[str, np.ndarray]
) -> memoryview:
    """Enter the columns of one description; returns what is left of `binary`."""
    names, shape, parameters = (tensor.get(key) for key in ("names", "shape", "parameters"))
    kind = DATATYPES.get(str(tensor.get("datatype")))
    if not (
        kind is not None
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(shape, list)
        and len(shape) == 1
        and type(shape[0]) is int
        and 0 <= shape[0] < 2**48
        and isinstance(parameters, dict)
    ):
        raise RequestRefused("Tensors that are described together are columns of numbers by name.")
    count, size = shape[0], parameters.get("binary_data_size")
    needed = len(names) * count * kind.itemsize
    if size != needed or needed > len(binary):
        raise RequestRefused(
            f"{len(names)} tensors of {count} values need {needed} bytes of binary data; "
            f"binary_data_size says {size} and {len(binary)} are left."
        )
    if len(set(names)) < len(names) or not arrays.keys().isdisjoint(names):
        raise RequestRefused("Two of the tensors that are described together have one name.")
    whole = np.frombuffer(binary[:needed], dtype=kind) if needed else np.empty(0, dtype=kind)
    if not whole.flags.aligned:
        whole = whole.copy()
    arrays.update(zip(names, whole.reshape(len(names), count), strict=True))
    return binary[needed:]


def _no_slab(name: str) -> Slab:
    raise RequestRefused(f"There is no slab {name!r}.")
