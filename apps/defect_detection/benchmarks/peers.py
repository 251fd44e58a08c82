"""The bare loops Loupe is measured against, each in a process of its own.

``python -m apps.defect_detection.benchmarks.peers KIND ARTEFACT FRAMES OUT``: KIND is ``torch`` (a
loop of Ultralytics `predict`) or ``openvino`` (the same over Ultralytics' own OpenVINO FP32 export,
told to stay in f32). Loading and three warm-up frames are not timed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.quiet import ultralytics_quietly

with ultralytics_quietly():
    from ultralytics import YOLO

KINDS = ("torch", "openvino")
WARM = 3


def run_peer(
    kind: str, artefact: Path, frames: Path, floor: float, overlap: float
) -> dict[str, Any]:
    """Run a peer in a child: ``seconds`` of its loop, ``boxes`` of each file."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "peer.json"
        command = [sys.executable, "-m", "apps.defect_detection.benchmarks.peers", kind]
        command += [str(artefact), str(frames), str(out), str(floor), str(overlap)]
        subprocess.run(command, check=True, env={**os.environ, "YOLO_VERBOSE": "0"})
        answer: dict[str, Any] = json.loads(out.read_text())
        return answer


def load_peer(kind: str, artefact: Path) -> Callable[[Path, float, float], Any]:
    """A function (path, score floor, overlap) → Ultralytics' result of one frame."""
    predict_all = load_batched_peer(kind, artefact)

    def predict(path: Path, floor: float, overlap: float) -> Any:
        return predict_all([path], floor, overlap)[0]

    return predict


def load_batched_peer(kind: str, artefact: Path) -> Callable[[list[Path], float, float], Any]:
    """A function (paths, score floor, overlap) → Ultralytics' results, all in one batch."""
    predict = open_peer(kind, artefact)
    return lambda paths, floor, overlap: predict([str(path) for path in paths], floor, overlap)


def open_peer(kind: str, artefact: Path) -> Callable[[list[Any], float, float], Any]:
    """The same over whatever Ultralytics takes for a picture: paths, or BGR arrays."""
    manifest = json.loads((artefact / "manifest.json").read_text())
    names = dict(enumerate(manifest["classes"]))
    model = YOLO(f"{manifest['architecture']}.yaml", task="detect")
    trained = artefact / "model.safetensors"
    fill = architectures.load if trained.exists() else architectures.load_fused
    model.model = fill(
        manifest["architecture"],
        trained if trained.exists() else artefact / "model.onnx",
        names,
        manifest["head"] == "end2end",
    )
    model.model.task = "detect"
    model.model.args = {"imgsz": manifest["input"]["size"], "task": "detect", "data": ""}
    model.model.pt_path = str(artefact / "peer.pt")
    nms = False if manifest["head"] == "end2end" else None
    if kind == "openvino":
        model = YOLO(_export(model, nms), task="detect")
    size = manifest["input"]["size"]

    def predict(pictures: list[Any], floor: float, overlap: float) -> Any:
        return model.predict(
            pictures,
            batch=len(pictures),
            imgsz=size,
            conf=floor,
            iou=overlap,
            nms=nms,
            verbose=False,
            rect=False,
        )

    return predict


def _export(model: Any, nms: bool | None) -> str:
    """Ultralytics' own export, with f32 forced on whatever it compiles afterwards."""
    folder = Path(mkdtemp(prefix="loupe-peer-"))
    model.model.pt_path = str(folder / "peer.pt")
    model.model.yaml_file = str(folder / "peer.yaml")
    exported = model.export(format="openvino", nms=nms, imgsz=model.model.args["imgsz"])
    openvino = import_module("openvino")  # which the torch peer does without
    original = openvino.Core.compile_model

    def in_f32(core: Any, *arguments: Any, **named: Any) -> Any:
        named["config"] = {**named.get("config", {}), "INFERENCE_PRECISION_HINT": "f32"}
        return original(core, *arguments, **named)

    openvino.Core.compile_model = in_f32
    return str(exported)


def main(argv: list[str]) -> int:
    """Time the loop and write its answers."""
    kind, artefact, frames, out = argv[0], Path(argv[1]), Path(argv[2]), Path(argv[3])
    floor, overlap = float(argv[4]), float(argv[5])
    predict = load_peer(kind, artefact)
    paths = sorted(frames.glob("*.jpg"))
    for path in paths[:WARM]:
        predict(path, floor, overlap)
    boxes: dict[str, Any] = {}
    start = time.perf_counter()
    for path in paths:
        found = predict(path, floor, overlap)
        boxes[path.name] = found.boxes.data.tolist()
    seconds = time.perf_counter() - start
    names = found.names
    for rows in boxes.values():
        for row in rows:
            row[5] = names[int(row[5])]
    out.write_text(json.dumps({"seconds": seconds, "boxes": boxes}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
