"""Every runtime answers as the torch oracle does, alone and with requests that overlap."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.letterbox import letterbox, to_network
from apps.defect_detection.inference.runtimes import open_runtime
from loupe.contract.runtime.errors import ModelRefused
from tests.apps.defect_detection.pictures import ARTEFACT, SAMPLES

MANIFEST = json.loads((ARTEFACT / "manifest.json").read_text())


def blob_of(name: str, size: int = 640) -> np.ndarray:
    square, _ = letterbox(decode(SAMPLES / name, {}).arrays["image"], size)
    blob = np.empty((1, 3, size, size), np.float32)
    to_network(square, blob[0])
    return blob


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_raw_outputs_equal_the_torch_oracle(name: str) -> None:
    blob = blob_of("stone-crack.jpg")
    oracle = open_runtime(ARTEFACT, MANIFEST, "torch").forward(blob)
    found = open_runtime(ARTEFACT, MANIFEST, name).forward(blob)
    assert found.shape == oracle.shape == (1, 4 + len(MANIFEST["classes"]), 8400)
    assert np.abs(found[:, :4] - oracle[:, :4]).max() < 0.05
    assert np.abs(found[:, 4:] - oracle[:, 4:]).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openvino", "onnxruntime", "torch"])
def test_a_picture_is_seen_as_the_same_numbers_whoever_turns_it_into_them(name: str) -> None:
    runtime = open_runtime(ARTEFACT, MANIFEST, name)
    square, _ = letterbox(decode(SAMPLES / "stone-crack.jpg", {}).arrays["image"], 640)
    seen, expected = runtime.look(square), runtime.forward(blob_of("stone-crack.jpg"))
    assert np.abs(seen[:, :4] - expected[:, :4]).max() < 0.02
    assert np.abs(seen[:, 4:] - expected[:, 4:]).max() < 1e-5


@pytest.mark.slow
def test_overlapping_requests_get_their_own_answers() -> None:
    runtime = open_runtime(ARTEFACT, MANIFEST)
    squares = [
        letterbox(decode(path, {}).arrays["image"], 640)[0]
        for path in sorted(SAMPLES.glob("*.jpg"))
    ]
    alone = [runtime.look(square) for square in squares]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(runtime.look, squares * 2))
    for expected, found in zip(alone * 2, together, strict=True):
        assert np.abs(found - expected).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "head"), [("yolo26n", "end2end"), ("yolo26n", "raw")])
def test_safetensors_of_a_named_architecture_run_without_torch_in_the_engine(
    tmp_path: Path, architecture: str, head: str
) -> None:
    names = {0: "scratch", 1: "pit"}
    manifest = {
        "format": "safetensors", "architecture": architecture, "head": head,
        "classes": list(names.values()), "input": {"size": 320},
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    module = architectures.build(architecture, len(names), end2end=head == "end2end")
    architectures.save(module, tmp_path / "model.safetensors")
    blob = blob_of("cast-crack.jpg", 320)
    oracle = open_runtime(tmp_path, manifest, "torch").forward(blob)
    found = open_runtime(tmp_path, manifest, "openvino").forward(blob)
    expected = (1, 300, 6) if head == "end2end" else (1, 6, 2100)
    assert found.shape == oracle.shape == expected
    assert np.abs(np.sort(found[..., 4]) - np.sort(oracle[..., 4])).max() < 1e-2


@pytest.mark.parametrize("family", architectures.FAMILIES)
@pytest.mark.parametrize("scale", architectures.SCALES)
def test_every_size_of_both_families_is_known_by_name(family: str, scale: str) -> None:
    architectures.check_name(f"{family}{scale}")


def test_unknown_names_are_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="yolo11n"):
        architectures.build("resnet50", 3)
    with pytest.raises(ModelRefused, match="no NMS-free head"):
        architectures.build("yolo11n", 3, end2end=True)
    with pytest.raises(ModelRefused, match="choose one of openvino"):
        open_runtime(ARTEFACT, MANIFEST, "tensorrt")
    (tmp_path / "weights").write_bytes(b"not safetensors at all")
    with pytest.raises(ModelRefused, match="cannot be read as safetensors"):
        architectures.load("yolo11n", tmp_path / "weights", {0: "a"})
