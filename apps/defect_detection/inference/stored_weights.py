"""Large weights of an ONNX graph stored small: as fp16, or as int8 with one scale a row.

A Cast, and for int8 a Mul, make them fp32 again; runtimes fold both when they load the file.
"""

from typing import Any, Literal

import numpy as np
from onnx import TensorProto, helper, numpy_helper

Storage = Literal["fp32", "fp16", "int8"]
SMALL_FROM = 256
"""Elements. Smaller constants (strides, anchors, axes) stay as they are."""
HALF, ROWS, SCALE = ".half", ".int8", ".scale"


def store_small(graph: Any, storage: Storage) -> None:
    """Store every large fp32 weight of an ONNX `graph` as `storage`, in place.

    int8 is symmetric, a scale for each output channel, and for kernels wider than one alone: the
    others stay fp16, as OpenVINO 2026.4 fails to load pointwise kernels in int8 beside a split.
    """
    if storage == "fp32":
        return
    nodes, kept = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < SMALL_FROM:
            kept.append(tensor)
            continue
        values = numpy_helper.to_array(tensor)
        spatial = values.ndim > 2 and max(values.shape[2:]) > 1
        make = _rows if storage == "int8" and spatial else _halved
        tensors, made = make(tensor.name, values)
        kept += tensors
        nodes += made
    nodes += list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def weights_in(graph: Any) -> dict[str, np.ndarray]:
    """The weights of an ONNX `graph` by name, however they are stored; int8 ones as fp32."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {}
    for name, values in stored.items():
        if name.endswith(ROWS):
            whole = name.removesuffix(ROWS)
            made[whole] = values.astype(np.float32) * stored[whole + SCALE]
        elif not name.endswith(SCALE):
            made[name.removesuffix(HALF)] = values
    return made


def _halved(name: str, values: np.ndarray) -> tuple[list[Any], list[Any]]:
    half = numpy_helper.from_array(values.astype(np.float16), name + HALF)
    return [half], [helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT)]


def _rows(name: str, values: np.ndarray) -> tuple[list[Any], list[Any]]:
    flat = np.abs(values.reshape(len(values), -1)).max(1)
    scale = np.maximum(flat / 127, 1e-12).astype(np.float32)
    scale = scale.reshape(-1, *[1] * (values.ndim - 1))
    rows = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    tensors = [
        numpy_helper.from_array(rows, name + ROWS),
        numpy_helper.from_array(scale, name + SCALE),
    ]
    whole = f"{name}.whole"
    return tensors, [
        helper.make_node("Cast", [name + ROWS], [whole], to=TensorProto.FLOAT),
        helper.make_node("Mul", [whole, name + SCALE], [name]),
    ]
