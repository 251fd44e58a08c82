"""Models people upload: ONNX that Loupe can run safely, and a sentence for everything else."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from apps.defect_detection.artefact import check_artefact, read_names
from apps.defect_detection.inference.model import DetectorModel
from loupe.contract.runtime.errors import ModelRefused
from tests.apps.defect_detection.pictures import ARTEFACT


def network(classes: int = 3, size: int = 64, anchors: int = 84) -> onnx.ModelProto:
    """A tiny valid detector: the mean of the picture over a constant head."""
    head = np.random.default_rng(0).random((1, 4 + classes, anchors)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["head", "mean"], ["output0"]),
        ],
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(head.shape))],
        [numpy_helper.from_array(head, "head")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"names": "{0: 'scratch', 1: 'pit', 2: 'crack'}"})
    return model


def checked(tmp_path: Path, data: bytes, name: str = "mine.onnx") -> dict:
    upload = tmp_path / "upload"
    upload.write_bytes(data)
    return check_artefact(tmp_path / "artefact", upload, name)


def refused(tmp_path: Path, data: bytes) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        checked(tmp_path, data)
    assert caught.value.message.endswith(".")
    assert not (tmp_path / "artefact").exists()
    return caught.value


def changed(change: Callable[[onnx.ModelProto], None]) -> bytes:
    model = network()
    change(model)
    return model.SerializeToString()


def test_a_plain_onnx_detector_is_taken_with_its_class_names(tmp_path: Path) -> None:
    manifest = checked(tmp_path, network().SerializeToString())
    assert manifest["classes"] == ["scratch", "pit", "crack"]
    assert (manifest["head"], manifest["input"]["size"]) == ("raw", 64)
    assert DetectorModel.from_manifest(manifest).classes == ("scratch", "pit", "crack")
    assert (tmp_path / "artefact" / "model.onnx").exists()


def test_the_shipped_model_passes_the_check_for_uploads(tmp_path: Path) -> None:
    manifest = checked(tmp_path, (ARTEFACT / "model.onnx").read_bytes())
    assert manifest["classes"][0] == "scratch"


def test_pickles_are_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "ran"),)

    plain = pickle.dumps(Trap())
    torch.save({"weights": torch.zeros(2)}, tmp_path / "weights.pt")
    for data in (plain, (tmp_path / "weights.pt").read_bytes()):
        error = refused(tmp_path, data)
        assert error.code == "pickle_refused"
        assert "ONNX" in error.message
    assert not (tmp_path / "ran").exists()


def test_custom_operators_are_refused_by_name(tmp_path: Path) -> None:
    def foreign(model: onnx.ModelProto) -> None:
        model.graph.node[0].domain = "com.example"
        model.opset_import.append(helper.make_opsetid("com.example", 1))

    def unknown(model: onnx.ModelProto) -> None:
        model.graph.node[0].op_type = "ReadFile"

    for change, word in ((foreign, "com.example"), (unknown, "ReadFile")):
        error = refused(tmp_path, changed(change))
        assert error.code == "custom_operators"
        assert word in error.message


def test_custom_operators_inside_branches_are_found(tmp_path: Path) -> None:
    def nested(model: onnx.ModelProto) -> None:
        branch = helper.make_graph([helper.make_node("Evil", [], ["x"], domain="bad")], "b", [], [])
        node = helper.make_node("If", ["mean"], ["y"], then_branch=branch, else_branch=branch)
        model.graph.node.append(node)

    assert refused(tmp_path, changed(nested)).code == "custom_operators"


def test_functions_of_the_models_own_are_refused(tmp_path: Path) -> None:
    def add(model: onnx.ModelProto) -> None:
        body = [helper.make_node("Identity", ["a"], ["b"])]
        opsets = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("own", "F", ["a"], ["b"], body, opsets))

    assert refused(tmp_path, changed(add)).code == "custom_operators"


def test_external_data_is_refused_with_what_to_do(tmp_path: Path) -> None:
    def outside(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")

    error = refused(tmp_path, changed(outside))
    assert error.code == "external_data"
    assert "one ONNX file" in error.message


@pytest.mark.parametrize("opset", [7, 99])
def test_opsets_out_of_range_are_refused(tmp_path: Path, opset: int) -> None:
    def set_opset(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = opset

    error = refused(tmp_path, changed(set_opset))
    assert error.code == "opset_unsupported"
    assert str(opset) in error.message


@pytest.mark.parametrize("shape", [[1, 1, 64, 64], [1, 3, 64, 96], [3, 64, 64], [1, 3, 50, 50]])
def test_other_inputs_than_a_square_rgb_picture_are_refused(
    tmp_path: Path, shape: list[int]
) -> None:
    def reshape(model: onnx.ModelProto) -> None:
        value = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
        model.graph.input[0].CopyFrom(value)

    assert refused(tmp_path, changed(reshape)).code == "input_unsupported"


def test_unknown_heads_and_wrong_class_counts_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, network(3, anchors=3).SerializeToString()).code == "head_unknown"
    assert refused(tmp_path, network(5).SerializeToString()).code == "classes_differ"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"hello", "not_onnx"),
        (b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", "weights_only"),
        (bytes(range(256)) * 4, "not_onnx"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, data: bytes, code: str) -> None:
    assert refused(tmp_path, data).code == code


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "{0: 1}",
        "{1: 'a'}",
        "['a', 'a']",
        "[" * 5000,
        "['x' * 9]",
    ],
)
def test_class_names_are_read_as_a_literal_only(text: str) -> None:
    with pytest.raises(ModelRefused) as caught:
        read_names(text)
    assert caught.value.code == "classes_invalid"
