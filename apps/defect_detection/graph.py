"""What an uploaded ONNX graph may hold: standard operators, no code, no files outside itself."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx
from onnx import GraphProto, ModelProto, TensorProto

from loupe.contract.runtime.errors import ModelRefused

OPSETS = range(11, 23)
MAX_NODES = 20_000
MAX_DEPTH = 4
# What exports of detection networks are made of. Nothing here reads files or runs strings.
OPERATORS = frozenset((
    "Abs", "Add", "And", "ArgMax", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip",
    "Concat", "Constant", "ConstantOfShape", "Conv", "ConvTranspose", "Cos", "DepthToSpace",
    "DequantizeLinear", "Div", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor",
    "Gather", "GatherElements", "GatherND", "Gemm", "GlobalAveragePool", "Greater",
    "GreaterOrEqual", "GroupNormalization", "HardSigmoid", "HardSwish", "Identity", "If",
    "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log",
    "MatMul", "Max", "MaxPool", "Min", "Mish", "Mod", "Mul", "Neg", "NonMaxSuppression", "Not",
    "Or", "PRelu", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Reshape", "Resize", "Round",
    "ScatterElements", "ScatterND", "Shape", "Sigmoid", "Sign", "Sin", "Slice", "Softmax",
    "Softplus", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile",
    "TopK", "Transpose", "Unsqueeze", "Upsample", "Where",
))  # fmt: skip
STANDARD = ("", "ai.onnx")
FLOATS = (TensorProto.FLOAT,)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The checked facts: input side in pixels, opset, and the file's metadata."""

    size: int
    opset: int
    metadata: Mapping[str, str]


def check_graph(model: ModelProto) -> Network:
    """Check an ONNX model without running it.

    Raises:
        ModelRefused: the first thing found that is not allowed.
    """
    if not model.graph.node:
        raise ModelRefused("The file holds no network: its graph has no nodes.", code="not_onnx")
    opset = _opset(model)
    if model.functions:
        raise ModelRefused(
            "The model defines functions of its own; Loupe runs standard ONNX operators only. "
            "Export it with functions inlined.",
            code="custom_operators",
        )
    _check_nodes(model.graph)
    _check_files(model.graph)
    size = _input(model.graph)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        text = str(error).strip().splitlines()[0][:200]
        raise ModelRefused(f"The ONNX graph is not valid: {text}", code="graph_invalid") from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return Network(size=size, opset=opset, metadata=metadata)


def _opset(model: ModelProto) -> int:
    foreign = sorted({entry.domain for entry in model.opset_import} - set(STANDARD))
    used = {node.domain for graph in _graphs(model.graph) for node in graph.node}
    for domain in foreign:
        if domain in used:
            raise _custom(f"domain {domain!r}")
    versions = [entry.version for entry in model.opset_import if entry.domain in STANDARD]
    if len(versions) != 1 or versions[0] not in OPSETS:
        raise ModelRefused(
            f"The model's opset is {versions or 'missing'}; opsets {OPSETS[0]} to {OPSETS[-1]} are "
            "run. Export it with opset 17.",
            code="opset_unsupported",
        )
    return int(versions[0])


def _check_nodes(graph: GraphProto) -> None:
    count = 0
    for part in _graphs(graph):
        for node in part.node:
            count += 1
            if node.domain not in STANDARD:
                raise _custom(f"{node.op_type!r} of the domain {node.domain!r}")
            if node.op_type not in OPERATORS:
                raise _custom(f"{node.op_type!r}")
    if count > MAX_NODES:
        raise ModelRefused(
            f"The network has {count} nodes; at most {MAX_NODES} are run.", code="model_too_large"
        )


def _custom(what: str) -> ModelRefused:
    return ModelRefused(
        f"The model uses the operator {what}, which is not among the standard operators that Loupe "
        "runs. Export it without custom operators.",
        code="custom_operators",
    )


def _check_files(graph: GraphProto) -> None:
    for part in _graphs(graph):
        tensors = list(part.initializer)
        tensors += [each.values for each in part.sparse_initializer]
        for node in part.node:
            for attribute in node.attribute:
                tensors += [attribute.t, *attribute.tensors]
        for tensor in tensors:
            if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
                raise ModelRefused(
                    f"The tensor {tensor.name!r} lies in another file. Save the model with all its "
                    "weights in one ONNX file.",
                    code="external_data",
                )


def _input(graph: GraphProto) -> int:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise ModelRefused(
            f"The network has {len(inputs)} inputs; a detector has one, the picture.",
            code="input_unsupported",
        )
    tensor = inputs[0].type.tensor_type
    shape = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in tensor.shape.dim]
    good = len(shape) == 4 and shape[0] in (0, 1) and shape[1] == 3 and shape[2] == shape[3]
    if not good or tensor.elem_type not in FLOATS:
        kind = TensorProto.DataType.Name(tensor.elem_type)
        raise ModelRefused(
            f"The network's input is {kind} {shape} (0: any); it must be FLOAT [1, 3, S, S].",
            code="input_unsupported",
        )
    size = shape[2] or 640
    if size % 32 or not 32 <= size <= 2048:
        raise ModelRefused(
            f"The network's input is {size} pixels wide; multiples of 32 from 32 to 2048 are run.",
            code="input_unsupported",
        )
    return int(size)


def _graphs(graph: GraphProto, depth: int = 0) -> Iterator[GraphProto]:
    """The graph and those nested in its nodes."""
    if depth > MAX_DEPTH:
        raise ModelRefused("The network's graphs are nested too deeply.", code="graph_invalid")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g, depth + 1)
            for nested in attribute.graphs:
                yield from _graphs(nested, depth + 1)
