"""Puts an artefact of drawn surfaces into 8 bits, beside its ``model.onnx``.

    python -m apps.defect_detection.training.starter_int8 --artefact DIR

Calibrated on pictures that the starter was trained on, drawn again from their seeds. What serves
stays as it is; the manifest gets the new file's hash. The starter is shipped without: over 160
drawn pictures its INT8 form lost 0.008 of mAP50, more than the gate allows.
"""

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.inference.export import write_onnx
from apps.defect_detection.inference.runtimes import NETWORKS
from apps.defect_detection.training import dataset
from apps.defect_detection.training.choosing import COMPARED, Chosen, write_int8
from apps.defect_detection.training.pictures import Labelled, Pictures, load
from apps.defect_detection.training.quantise import CALIBRATION_PICTURES
from apps.defect_detection.training.starter import TRAIN_FROM


def main(argv: list[str]) -> int:
    """Draw, calibrate, write."""
    parser = argparse.ArgumentParser(prog="python -m apps.defect_detection.training.starter_int8")
    parser.add_argument("--artefact", type=Path, required=True)
    chosen = add_int8(parser.parse_args(argv).artefact, drawn())
    print(json.dumps(chosen.told()))
    return 0


def drawn() -> Pictures:
    """As many pictures as calibrating takes, of those that the starter was trained on."""
    with TemporaryDirectory(prefix="loupe-starter-") as folder:
        count = CALIBRATION_PICTURES + COMPARED
        split = dataset.Split(name="train", first=TRAIN_FROM, count=count)
        dataset.write(Path(folder), (split,), len(os.sched_getaffinity(0)))
        paths = sorted((Path(folder) / "images" / "train").iterdir())
        items = [Labelled(path=path, boxes=np.empty((0, 5), np.float32)) for path in paths]
        return load(items, dataset.SIZE, torch.device("cpu"), 2)


def add_int8(artefact: Path, train: Pictures) -> Chosen:
    """Write ``model.int8.onnx`` of an artefact that holds ``model.onnx``, and its manifest anew."""
    place = artefact / "manifest.json"
    manifest: dict[str, Any] = json.loads(place.read_text())
    names = dict(enumerate(manifest["classes"]))
    free = manifest["head"] == "end2end"
    module = architectures.load_fused(manifest["architecture"], artefact / NETWORKS[0], names, free)
    with TemporaryDirectory(prefix="loupe-starter-") as folder:
        whole = Path(folder) / "fp32.onnx"
        write_onnx(module, whole, manifest["input"]["size"])
        chosen = write_int8(whole, artefact / NETWORKS[1], train, 0)
    digest = hashlib.sha256((artefact / NETWORKS[1]).read_bytes()).hexdigest()
    manifest["files"] = {**manifest["files"], NETWORKS[1]: digest}
    manifest["int8"] = chosen.told()
    place.write_text(json.dumps(manifest, indent=2) + "\n")
    return chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
