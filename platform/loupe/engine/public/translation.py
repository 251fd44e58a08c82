"""The standard's inference requests and answers, to and from those of the inner protocol.

Inside, all tensors travel as binary data and all outputs come back so. Outside, a client may also
use its own shared memory, and choose for each output whether it comes as binary data or as JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from loupe.contract.runtime.lanes import Lane
from loupe.engine import fields
from loupe.engine.errors import NotFound, RequestRefused
from loupe.engine.exchange import DEADLINE, HEAD_LENGTH, LANE
from loupe.engine.http import HttpAnswer, HttpRequest
from loupe.engine.public.regions import Regions
from loupe.engine.tensors import DATATYPES, TEXT, decode
from loupe.sandbox.slab import Slab

_OURS = "loupe_"
_ALLOWED = frozenset({DEADLINE, LANE})
#: Parameters of the standard that say nothing to a model without state.
_PASSED_OVER = frozenset({"sequence_id", "sequence_start", "sequence_end", "binary_data_output"})
_REGION, _OFFSET, _SIZE = (
    "shared_memory_region",
    "shared_memory_offset",
    "shared_memory_byte_size",
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How a client wants its outputs; `outputs` is None when it wants all of them."""

    outputs: Mapping[str, Mapping[str, Any]] | None
    binary: bool

    def of(self, name: str) -> Mapping[str, Any]:
        """The parameters of one output."""
        return {} if self.outputs is None else self.outputs[name]


def inward(request: HttpRequest, regions: Regions | None) -> tuple[HttpRequest, Wanted]:
    """The inner request for a client's, and how the client wants its answer.

    Raises:
        RequestRefused: it is malformed, or reaches outside its memory.
        NotFound: it names a region that is not registered.
    """
    document = request.document()
    parameters = fields.mapping(document, "parameters")
    wanted = _wanted(document, parameters)
    tensors, chunks = _inputs(document.get("inputs"), request.binary(), regions)
    inner: dict[str, Any] = {
        "inputs": tensors,
        "parameters": {**_parameters(parameters), "binary_data_output": True},
    }
    if isinstance(document.get("id"), str):
        inner["id"] = document["id"]
    if wanted.outputs is not None:
        inner["outputs"] = [{"name": name} for name in wanted.outputs]
    head = msgspec.json.encode(inner)
    body = bytearray(head)
    for chunk in chunks:
        body += chunk
    return replace(request, body=body, head_length=len(head)), wanted


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of the parameters goes on: options for the model, the deadline and the lane."""
    kept: dict[str, Any] = {}
    for key, value in given.items():
        if key.startswith(_OURS) and key not in _ALLOWED:
            raise RequestRefused(f"The parameter {key!r} is not taken on this port.")
        if key not in _PASSED_OVER and key not in {"timeout", "priority"}:
            kept[key] = value
    if given.get("timeout"):
        microseconds = given["timeout"]
        if type(microseconds) is not int or microseconds < 0:
            raise RequestRefused(f"timeout={microseconds!r} must be microseconds from 0 up.")
        kept.setdefault(DEADLINE, microseconds / 1e3)
    if given.get("priority") == 1:
        kept.setdefault(LANE, Lane.LINE.value)
    return kept


def _wanted(document: Mapping[str, Any], parameters: Mapping[str, Any]) -> Wanted:
    binary = parameters.get("binary_data_output") is True
    listed = document.get("outputs")
    if listed is None:
        return Wanted(outputs=None, binary=binary)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise RequestRefused("The field 'outputs' must list objects with a 'name'.")
    outputs = {}
    for entry in listed:
        name, wishes = fields.text(entry, "name"), fields.mapping(entry, "parameters")
        if wishes.get("classification"):
            raise RequestRefused(f"Output {name!r}: the classification extension is not offered.")
        outputs[name] = wishes
    return Wanted(outputs=outputs, binary=binary)


def _inputs(
    listed: object, binary: memoryview, regions: Regions | None
) -> tuple[list[dict[str, Any]], list[bytes | memoryview]]:
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise RequestRefused("The field 'inputs' must list tensors.")
    tensors: list[dict[str, Any]] = []
    chunks: list[bytes | memoryview] = []
    for entry in listed:
        parameters = fields.mapping(entry, "parameters")
        if _REGION in parameters:
            chunk: bytes | memoryview = _read(parameters, regions)
        elif "binary_data_size" in parameters:
            size = _bytes(parameters, "binary_data_size")
            if size > len(binary):
                raise RequestRefused(
                    f"binary_data_size says {size}, but {len(binary)} bytes are left; the header "
                    f"{HEAD_LENGTH} tells where they begin."
                )
            chunk, binary = binary[:size], binary[size:]
        else:
            tensors.append(entry)
            continue
        chunks.append(chunk)
        tensors.append({**entry, "parameters": {"binary_data_size": len(chunk)}})
    if len(binary):
        raise RequestRefused(f"{len(binary)} bytes of binary data belong to no tensor.")
    return tensors, chunks


def _read(parameters: Mapping[str, Any], regions: Regions | None) -> bytes:
    if regions is None:
        raise without_regions()
    region = regions.find(fields.text(parameters, _REGION))
    return region.read(_bytes(parameters, _OFFSET), _bytes(parameters, _SIZE))


def outward(answer: HttpAnswer, wanted: Wanted, regions: Regions | None) -> HttpAnswer:
    """The client's answer: each output where and how it was wanted.

    Raises:
        RequestRefused: an output does not fit its place.
        NotFound: its region has been unregistered meanwhile.
    """
    data, chunks, outputs = iter(answer.chunks), [], []
    for tensor in answer.document["outputs"]:
        size = tensor["parameters"]["binary_data_size"]
        chunk = next(data) if size else memoryview(b"")
        wishes = wanted.of(tensor["name"])
        plain = {key: tensor[key] for key in ("name", "shape", "datatype")}
        if tensor["datatype"] == TEXT:
            # The protocol's own form; a client that asks for bytes gets texts.
            plain["data"] = decode([tensor], chunk, _no_slab)[tensor["name"]].reshape(-1).tolist()
        elif _REGION in wishes:
            plain["parameters"] = _write(tensor["name"], chunk, wishes, regions)
        elif wishes.get("binary_data", wanted.binary):
            plain["parameters"] = {"binary_data_size": size}
            chunks.append(chunk)
        else:
            plain["data"] = np.frombuffer(chunk, DATATYPES[tensor["datatype"]]).tolist()
        outputs.append(plain)
    return replace(answer, document={**answer.document, "outputs": outputs}, chunks=chunks)


def _no_slab(name: str) -> Slab:
    raise NotFound(f"There is no slab {name!r}.", code="slab_unknown")


def _write(
    name: str, chunk: memoryview, wishes: Mapping[str, Any], regions: Regions | None
) -> dict[str, Any]:
    if regions is None:
        raise without_regions()
    room, offset = _bytes(wishes, _SIZE), _bytes(wishes, _OFFSET)
    if len(chunk) > room:
        raise RequestRefused(f"Output {name!r} has {len(chunk)} bytes; {_SIZE} says {room}.")
    region = regions.find(fields.text(wishes, _REGION))
    region.write(offset, chunk)
    return {_REGION: region.name, _OFFSET: offset, _SIZE: len(chunk)}


def _bytes(parameters: Mapping[str, Any], key: str) -> int:
    value = parameters.get(key, 0)
    if type(value) is not int or not 0 <= value < 2**48:
        raise RequestRefused(f"The parameter {key!r} is {value!r}; it must be bytes from 0 up.")
    return value


def without_regions() -> RequestRefused:
    """The error where a client may not use shared memory."""
    return RequestRefused(
        "Shared memory is for clients on this machine, and only where the engine was started with "
        "--public-shared-memory; send binary data instead.",
        code="regions_off",
    )
