"""Payloads out of requests and into answers, in the protocol's shapes."""

from typing import Any

import msgspec
import numpy as np

from loupe.contract.runtime.payload import Payload
from loupe.engine import fields, tensors, together
from loupe.engine.core import without_slabs
from loupe.engine.errors import RequestRefused
from loupe.engine.exchange import Inferred
from loupe.engine.http import HttpAnswer, HttpRequest
from loupe.engine.slabs import Pins
from loupe.sandbox.pool import Parsed

BINARY: dict[str, Any] = {"parameters": {"binary_data_output": True}}
"""The part of a request that asks for all outputs as binary data, each by itself."""


def payload_of(document: dict[str, Any], request: HttpRequest, pins: Pins) -> Payload:
    """The payload of an inference request.

    Raises:
        RequestRefused: a tensor is malformed or reaches outside its memory.
    """
    parameters = fields.mapping(document, "parameters")
    decode = together.decode if parameters.get(together.ASKED) is True else tensors.decode
    arrays = decode(document.get("inputs"), request.binary(), pins.find)
    meta = tensors.decode_meta(parameters)
    return Payload(arrays=arrays, meta=meta)


def inferred_answer(
    inferred: Inferred,
    times_ms: dict[str, float],
    document: dict[str, Any],
    pins: Pins,
    name: str,
    version: str,
) -> HttpAnswer:
    """The protocol's answer: outputs where the request wants them, the rest as parameters."""
    arrays = dict(inferred.payload.arrays)
    placed = _place_outputs(arrays, document.get("outputs"), pins)
    # What still points into a slab must not: it is sent after the slab has been given back.
    rest = without_slabs(
        {name: array for name, array in arrays.items() if name not in placed}, pins.slabs
    )
    asked = fields.mapping(document, "parameters")
    if asked.get(together.ASKED) is True:
        encoded = together.encode(rest)
    else:
        encoded = tensors.encode(rest, binary=asked.get("binary_data_output") is True)
    times = {**times_ms, **inferred.times_ms}
    return HttpAnswer(
        document={
            "model_name": name,
            "model_version": version,
            **({"id": document["id"]} if isinstance(document.get("id"), str) else {}),
            "outputs": [*placed.values(), *encoded.tensors],
            "parameters": {
                tensors.META: tensors.encode_meta(inferred.payload.meta),
                "loupe_times_ms": msgspec.json.encode(times).decode(),
                "loupe_artefact_sha256": inferred.artefact_sha256,
            },
        },
        chunks=encoded.chunks,
        times_ms=times,
    )


def _place_outputs(
    arrays: dict[str, np.ndarray], wanted: object, pins: Pins
) -> dict[str, dict[str, Any]]:
    """Leave only the outputs asked for, and write those with a region into their slab."""
    if wanted is None:
        return {}
    if not isinstance(wanted, list) or not all(isinstance(entry, dict) for entry in wanted):
        raise RequestRefused("The field 'outputs' must list objects with a 'name'.")
    names = [fields.text(entry, "name") for entry in wanted]
    for name in names:
        if name not in arrays:
            raise RequestRefused(f"There is no output {name!r}; there are: {', '.join(arrays)}.")
    for name in set(arrays) - set(names):
        del arrays[name]
    placed = {}
    for entry, name in zip(wanted, names, strict=True):
        parameters = fields.mapping(entry, "parameters")
        if "shared_memory_region" in parameters:
            placed[name] = tensors.write_to_slab(name, arrays[name], parameters, pins.find)
    return placed


def parsed_answer(app: str, parsed: Parsed, times_ms: dict[str, float]) -> HttpAnswer:
    """What a sandbox step made: tensors in the slab now leased to the connection."""
    slab = parsed.slab

    def place(array: np.ndarray) -> tuple[str, int] | None:
        offset = slab.offset_of(array) if slab is not None and array.nbytes else None
        return None if slab is None or offset is None else (slab.name, offset)

    encoded = tensors.encode(parsed.payload.arrays, place)
    parameters: dict[str, Any] = {
        tensors.META: tensors.encode_meta(parsed.payload.meta),
        "loupe_times_ms": msgspec.json.encode(times_ms).decode(),
    }
    if slab is not None:
        parameters |= {"loupe_slab": slab.name, "loupe_slab_byte_size": slab.nbytes}
    document = {"model_name": app, "outputs": encoded.tensors, "parameters": parameters}
    return HttpAnswer(document=document, chunks=encoded.chunks, times_ms=times_ms)
