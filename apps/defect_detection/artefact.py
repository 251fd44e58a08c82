"""Checks a model file that somebody uploads, in the sandbox, and makes an artefact of it.

ONNX only: safetensors carry no network, and pickles run code. Class names come from the file's
metadata (``names``, as Ultralytics writes it) and are read as a literal, with limits.
"""

import ast
import shutil
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from apps.defect_detection.graph import Network, check_graph
from apps.defect_detection.inference.runtimes.smoke import run_once
from loupe.contract.runtime.errors import ModelRefused

RUNNER = "apps.defect_detection.inference.runner:DetectorRunner"
MAX_BYTES = 512 * 2**20
MAX_CLASSES, MAX_NAME = 1000, 60
# Zip (torch's own format) and the first bytes of pickle protocols 2 to 5.
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def check_artefact(folder: Path, upload: Path, name: str) -> dict[str, Any]:
    """Check `upload` (called `name` by its sender), copy it into `folder`, return its manifest.

    Raises:
        ModelRefused: with a sentence that says what is wrong and what to do.
    """
    network = read_network(upload, name)
    output = run_once(upload, network.size)
    classes, head = _head(output, network)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(upload, folder / "model.onnx")
    return {
        "runner": RUNNER,
        "format": "onnx",
        "runtime": "openvino",
        "task": "detect",
        "head": head,
        "classes": classes,
        "severities": {},
        "input": {"size": network.size, "channels": 3, "padding": 114},
        "opset": network.opset,
        "licence": network.metadata.get("license", "")[:200],
        "description": f"Uploaded as {name[:120]}.",
    }


def read_network(upload: Path, name: str) -> Network:
    """Parse the file and check its graph.

    Raises:
        ModelRefused: it is empty, too large, a pickle, safetensors, no ONNX, or its graph is not
            allowed.
    """
    size = upload.stat().st_size
    if size == 0:
        raise ModelRefused(f"{name!r} is empty (0 bytes). Send it again.", code="empty_file")
    if size > MAX_BYTES:
        raise ModelRefused(
            f"{name!r} has {size / 2**20:.0f} MiB; a model may have {MAX_BYTES // 2**20}.",
            code="model_too_large",
        )
    with upload.open("rb") as file:
        head = file.read(16)
    if head.startswith(PICKLES):
        raise ModelRefused(
            f"{name!r} is a pickle (.pt, .pkl or a zip of them): reading it can run code, so Loupe "
            "never does. Export the model to ONNX with its own training tool and upload that.",
            code="pickle_refused",
        )
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < size:
        raise ModelRefused(
            f"{name!r} is a safetensors file: it holds weights but no network. Export the model to "
            "ONNX and upload that.",
            code="weights_only",
        )
    try:
        model = onnx.load_model_from_string(upload.read_bytes())
    except (DecodeError, ValueError) as error:
        raise ModelRefused(
            f"{name!r} is no ONNX model; the file is of another type or damaged.", code="not_onnx"
        ) from error
    return check_graph(model)


def _head(output: tuple[int, ...], network: Network) -> tuple[list[str], str]:
    """Class names and kind of head, told by the shape that the network really answered with."""
    names = read_names(network.metadata.get("names", ""))
    if len(output) == 3 and output[2] == 6 and output[1] <= 1000:
        if not names:
            raise ModelRefused(
                "The network has an NMS-free head and its metadata holds no 'names', so its "
                "classes are unknown. Export it with the class names in the metadata.",
                code="classes_unknown",
            )
        return names, "end2end"
    if len(output) == 3 and output[1] > 4 and output[2] > output[1]:
        count = output[1] - 4
        if names and len(names) != count:
            raise ModelRefused(
                f"The metadata names {len(names)} classes, but the output {list(output)} has "
                f"{count}. Export the model again.",
                code="classes_differ",
            )
        return names or [f"class_{index}" for index in range(count)], "raw"
    raise ModelRefused(
        f"The network answers with {list(output)}. Loupe knows [1, 4 + classes, anchors] (YOLOv8, "
        "YOLO11, YOLO26 without NMS) and [1, 300, 6] (an NMS-free head).",
        code="head_unknown",
    )


def read_names(text: str) -> list[str]:
    """Class names out of ``{0: 'scratch', 1: 'pit'}`` or a list; [] when there are none.

    Only a literal is read, never code.

    Raises:
        ModelRefused: it is something else, too long, or holds odd names.
    """
    if not text:
        return []
    refusal = ModelRefused(
        f"The metadata's class names are no list or mapping of at most {MAX_CLASSES} names of up "
        f"to {MAX_NAME} characters. Export the model with plain names.",
        code="classes_invalid",
    )
    if len(text) > MAX_CLASSES * (MAX_NAME + 16):
        raise refusal
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise refusal from None
    if isinstance(value, dict):
        if sorted(value, key=repr) != sorted(range(len(value)), key=repr):
            raise refusal
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CLASSES:
        raise refusal
    names = [name.strip() if isinstance(name, str) else "" for name in value]
    if any(not name or len(name) > MAX_NAME or not name.isprintable() for name in names):
        raise refusal
    if len(set(names)) != len(names):
        raise refusal
    return names
