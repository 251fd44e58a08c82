"""Weights that are stored small are read, and run, as what they stand for."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from onnx import TensorProto, helper, numpy_helper

from apps.defect_detection.inference.export import read_weights
from apps.defect_detection.inference.stored_weights import Storage, store_small, weights_in

DRAW = np.random.default_rng(8)
WIDE = DRAW.normal(0, 0.1, (16, 8, 3, 3)).astype(np.float32)
NARROW = DRAW.normal(0, 0.1, (32, 16, 1, 1)).astype(np.float32)
FEW = DRAW.normal(0, 1, 32).astype(np.float32)
PICTURE = DRAW.random((1, 8, 20, 20), np.float32)


def network() -> onnx.ModelProto:
    """A wide convolution, a pointwise one with a bias."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "wide"], ["between"], pads=[1, 1, 1, 1]),
            helper.make_node("Conv", ["between", "narrow", "few"], ["y"]),
        ],
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 20, 20])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 32, 20, 20])],
        [
            numpy_helper.from_array(each, name)
            for name, each in (("wide", WIDE), ("narrow", NARROW), ("few", FEW))
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def stored(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    storage: Storage = request.param
    model, path = network(), tmp_path / "model.onnx"
    store_small(model.graph, storage)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("stored", ["fp32", "fp16", "int8"], indirect=True)
def test_both_runtimes_compute_with_the_weights_that_are_read_back(stored: Path) -> None:
    weights = read_weights(stored)
    plain = network()
    del plain.graph.initializer[:]
    plain.graph.initializer.extend(
        numpy_helper.from_array(values.astype(np.float32), name) for name, values in weights.items()
    )
    wanted = onnxruntime.InferenceSession(
        plain.SerializeToString(), providers=["CPUExecutionProvider"]
    ).run(None, {"x": PICTURE})[0]
    ours = onnxruntime.InferenceSession(str(stored), providers=["CPUExecutionProvider"])
    assert np.abs(ours.run(None, {"x": PICTURE})[0] - wanted).max() < 1e-4
    theirs = openvino.Core().compile_model(str(stored), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(
        {0: PICTURE}
    )[0]
    assert np.abs(theirs - wanted).max() < 1e-4


def test_a_row_is_off_by_half_a_step_of_its_own_at_most() -> None:
    model = network()
    store_small(model.graph, "int8")
    step = np.abs(WIDE).reshape(16, -1).max(1) / 127
    gap = np.abs(weights_in(model.graph)["wide"] - WIDE).reshape(16, -1).max(1)
    assert (gap <= step * 0.501).all()
    assert gap.max() > 0


def test_pointwise_weights_stay_fp16_and_few_numbers_as_they_are() -> None:
    model = network()
    store_small(model.graph, "int8")
    kinds = {each.name: each.data_type for each in model.graph.initializer}
    assert kinds == {
        "wide.int8": TensorProto.INT8,
        "wide.scale": TensorProto.FLOAT,
        "narrow.half": TensorProto.FLOAT16,
        "few": TensorProto.FLOAT,
    }
    read = weights_in(model.graph)
    assert read["narrow"].tolist() == NARROW.astype(np.float16).tolist()
    assert read["few"].tolist() == FEW.tolist()


def test_a_row_of_zeros_stays_zero() -> None:
    model = network()
    empty = np.zeros_like(WIDE)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(empty, "wide"))
    store_small(model.graph, "int8")
    assert not weights_in(model.graph)["wide"].any()
