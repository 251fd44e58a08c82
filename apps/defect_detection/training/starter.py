"""Draws the starter set, trains the starter model on it, measures it and writes the artefact.

    python -m apps.defect_detection.training.starter --out DIR

Everything is drawn from seeds: training, validation (chooses the best epoch) and test (reported)
use seeds that never meet. OUT/artefact then holds `model.onnx` (weights in int8 and fp16),
`metrics.json` and the manifest; OUT/run/best.safetensors the weights before export.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.training import dataset, trainer
from apps.defect_detection.training.artefact import write_artefact
from apps.defect_detection.training.defects import SEVERITIES
from apps.defect_detection.training.surfaces import CLASSES

ARCHITECTURE = "yolo11n"
TRAIN_FROM, VALIDATE_FROM, TEST_FROM = 1_000_000, 2_000_000, 3_000_000


def main(argv: list[str]) -> int:
    """Run the whole thing; the defaults are those of the shipped model."""
    parser = argparse.ArgumentParser(prog="python -m apps.defect_detection.training.starter")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the weights and figures"
    )
    parser.add_argument("--data", type=Path, help="folder for the drawn pictures; default OUT/data")
    parser.add_argument("--train", type=int, default=6000, help="pictures to train on")
    parser.add_argument("--val", type=int, default=400, help="pictures that choose the epoch")
    parser.add_argument("--test", type=int, default=800, help="pictures the figures are made on")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, help="stop training after about this long")
    parser.add_argument("--cache", default="", help="'ram' keeps the decoded pictures in memory")
    options = parser.parse_args(argv)
    data, out = options.data or options.out / "data", options.out
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    description = dataset.write(
        data,
        (
            dataset.Split(name="train", first=TRAIN_FROM, count=options.train),
            dataset.Split(name="val", first=VALIDATE_FROM, count=options.val),
            dataset.Split(name="test", first=TEST_FROM, count=options.test),
        ),
        options.workers,
    )
    drawn = time.monotonic()
    print(f"drew {options.train + options.val + options.test} pictures in {drawn - began:.0f} s")
    more = {"workers": min(options.workers, 16), "close_mosaic": max(1, options.epochs // 5)}
    if options.cache:
        more["cache"] = options.cache
    if options.seconds:
        more["time"] = options.seconds / 3600
    best = trainer.train(
        ARCHITECTURE, description, out, options.epochs, options.batch, options.seed, **more
    )
    trained = time.monotonic()
    write_starter(best, {}, out / "artefact")
    metrics = measured(out / "artefact", description, out)
    metrics.update(
        train_pictures=options.train,
        train_seeds=[TRAIN_FROM, TRAIN_FROM + options.train - 1],
        test_pictures=options.test,
        test_seeds=[TEST_FROM, TEST_FROM + options.test - 1],
        epochs=options.epochs,
        batch=options.batch,
        seed=options.seed,
        seconds={"drawing": round(drawn - began), "training": round(trained - drawn)},
        torch=torch.__version__,
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    )
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    write_starter(best, metrics, out / "artefact")
    print(json.dumps(metrics, indent=2))
    return 0


def measured(artefact: Path, description: Path, out: Path) -> dict[str, Any]:
    """The figures of an artefact's network, its weights as they are stored, on the test split."""
    names = dict(enumerate(CLASSES))
    model = architectures.load_fused(ARCHITECTURE, artefact / "model.onnx", names)
    return trainer.measure(model, description, "test", out)


def write_starter(weights: Path, metrics: dict[str, Any], folder: Path) -> None:
    """The artefact that is shipped as ``models/surfaces``."""
    write_artefact(
        weights,
        folder,
        name="surfaces",
        description="Starter model, trained on surfaces that the project draws itself.",
        architecture=ARCHITECTURE,
        classes=CLASSES,
        severities=SEVERITIES,
        metrics=metrics,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
