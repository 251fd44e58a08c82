"""``manage.py bench int8``: an INT8 detector on the CPU against Ultralytics `predict` with torch.

The same weights, the same files, from JPEG to boxes in source pixels, in turns on the same cores.
Boxes are compared first. With ``--data`` mAP50 of both is measured over all pictures that training
has not seen, at the network's square, with the interval of the difference.
"""

import argparse
import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from apps.defect_detection.benchmarks.frames import write_frames
from apps.defect_detection.benchmarks.int8_sides import OURS, TORCH, Side
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.runtimes import NETWORKS, open_runtime
from apps.defect_detection.schema import OperatingPoint
from apps.defect_detection.training import collection
from apps.defect_detection.training.artefact import write_trained
from apps.defect_detection.training.average_precision import overlaps
from apps.defect_detection.training.choosing import COMPARED
from apps.defect_detection.training.evaluation.bootstrap import figures, map50_loss
from apps.defect_detection.training.evaluation.evaluating import Artefact
from apps.defect_detection.training.evaluation.looking import look
from apps.defect_detection.training.gate import MAP50_LOSS
from apps.defect_detection.training.pictures import load
from apps.defect_detection.training.quantise import CALIBRATION_PICTURES
from apps.defect_detection.training.recipe import Recipe
from apps.defect_detection.training.starter_int8 import add_int8, drawn
from apps.defect_detection.training.views import views

ARTEFACT = Path(__file__).resolve().parents[1] / "models" / "surfaces"
LATENCY, THROUGHPUT = 3.2, 4.0  # times torch's
CLEAR, FAINT, SAME = 0.25, 0.1, 0.75


def main(argv: list[str]) -> int:
    """Measure and print; 0 when every goal is reached."""
    options = _parser().parse_args(argv)
    point = OperatingPoint()
    with TemporaryDirectory(prefix="loupe-int8-", dir="/tmp") as folder:
        place = Path(folder)
        data = collection.read(options.data) if options.data else None
        artefact = options.model or place / "artefact"
        if options.weights:
            if data is None:
                raise SystemExit("--weights needs --data: its training pictures calibrate INT8.")
            artefact = _artefact(options, data, place / "artefact")
        elif not options.model:
            shutil.copytree(ARTEFACT, artefact)
            add_int8(artefact, drawn())
        if not (artefact / NETWORKS[1]).exists():
            raise SystemExit(f"{artefact} holds no {NETWORKS[1]}; train it, or give --weights.")
        paths = (
            [sample.file for sample in data.held_out[: options.frames]]
            if data
            else write_frames(place / "frames", options.frames)
        )
        with (
            Side(OURS, artefact, point.score_floor, point.overlap) as ours,
            Side(TORCH, artefact, point.score_floor, point.overlap) as theirs,
        ):
            told = _timed(ours, theirs, paths, options.rounds)
        held = _said(told, len(paths))
        if data:
            held &= _precision(artefact, data)
    if options.out:
        options.out.write_text(json.dumps(told, indent=2) + "\n")
    return 0 if held else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench int8")
    parser.add_argument(
        "--model",
        type=Path,
        help="an artefact's folder; default: the starter, put into 8 bits here",
    )
    parser.add_argument("--weights", type=Path, help="or safetensors of a training; with --data")
    parser.add_argument("--architecture", default="yolo11n", help="of --weights")
    parser.add_argument(
        "--data", type=Path, help="labelled pictures; default: drawn frames, no mAP"
    )
    parser.add_argument("--frames", type=int, default=48, help="how many files are timed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="also write the times to this JSON file")
    return parser


def _artefact(options: argparse.Namespace, data: collection.Collection, folder: Path) -> Path:
    """An artefact of `--weights`, calibrated on the training split of the data."""
    count = CALIBRATION_PICTURES + COMPARED
    samples = data.of("train")
    step = max(1, len(samples) // count)
    recipe = Recipe(architecture=options.architecture)
    train = load(views(samples[::step][:count], recipe.size), recipe.size, torch.device("cpu"), 2)
    write_trained(
        options.weights,
        folder,
        about=data.about,
        recipe=recipe,
        serve="int8",
        card="# Measured only\n",
        train=train,
        seed=0,
        beat=lambda: None,
    )
    return folder


def _timed(ours: Side, theirs: Side, paths: list[Path], rounds: int) -> dict[str, Any]:
    """Medians of rounds in which both sides take turns, and the ratio of each round."""
    sides = {OURS: ours, TORCH: theirs}
    boxes = {name: side.ask("boxes", paths)["boxes"] for name, side in sides.items()}
    for side in sides.values():
        side.ask("together", paths[:16])
    alone: dict[str, list[float]] = {name: [] for name in sides}
    rate: dict[str, list[float]] = {name: [] for name in sides}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    batch = 1
    for _ in range(rounds):
        for name, side in sides.items():
            alone[name].append(float(np.median(side.ask("alone", paths)["ms"])))
        for name, side in sides.items():
            answer = side.ask("together", paths)
            rate[name].append(len(paths) / answer["seconds"])
            spent[name].append(answer["cpu_ms"])
            batch = max(batch, answer["batch"])
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "shared": shared(boxes[OURS], boxes[TORCH]),
        "boxes": sum(len(rows) for rows in boxes[TORCH].values()),
        "batch": batch,
        "alone_ms": alone,
        "per_second": rate,
        "cpu_ms": spent,
        "processor": [his / mine for mine, his in zip(spent[OURS], spent[TORCH], strict=True)],
        "latency": [
            torch_ms / our_ms for torch_ms, our_ms in zip(alone[TORCH], alone[OURS], strict=True)
        ],
        "throughput": [mine / his for mine, his in zip(rate[OURS], rate[TORCH], strict=True)],
    }


def shared(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Of the clear boxes of either side, the share that the other side has too."""
    clear = shared = 0
    for name, rows in ours.items():
        pair = [np.array(each, np.float32).reshape(-1, 6) for each in (rows, theirs[name])]
        for left, right in (pair, pair[::-1]):
            wanted, there = left[left[:, 4] >= CLEAR], right[right[:, 4] >= FAINT]
            iou = overlaps(wanted[:, :4], there[:, :4]) * (wanted[:, 5:6] == there[None, :, 5])
            clear += len(wanted)
            shared += int((iou >= SAME).any(1).sum())
    return shared / clear if clear else 1.0


def _said(told: dict[str, Any], frames: int) -> bool:
    """Print the times; whether both goals are reached."""
    median = {key: float(np.median(told[key])) for key in ("latency", "throughput", "processor")}
    print(
        f"{frames} files, {told['cores']} cores, medians of {len(told['latency'])} paired rounds; "
        f"load {told['load']:.1f}\n{told['boxes']} boxes of torch; both sides share "
        f"{told['shared']:.3f} of the clear ones\n"
    )
    print("| file to boxes | one at a time, ms | all cores busy, files/s | processor, ms a file |")
    print("|---|---|---|---|")
    names = {OURS: "Loupe, INT8", TORCH: f"Ultralytics predict, torch (batches of {told['batch']})"}
    for side, name in names.items():
        alone, rate, spent = (
            float(np.median(told[key][side])) for key in ("alone_ms", "per_second", "cpu_ms")
        )
        print(f"| {name} | {alone:.1f} | {rate:.1f} | {spent:.1f} |")
    print("| ratio |" + "".join(f" {value:.2f} |" for value in median.values()))
    print(f"| at least | {LATENCY} | {THROUGHPUT} | |")
    return median["latency"] >= LATENCY and median["throughput"] >= THROUGHPUT


def _precision(folder: Path, data: collection.Collection) -> bool:
    """Print mAP50 of both over all held-out pictures; whether the loss is within its goal."""
    artefact = Artefact.read(folder)
    model, classes = DetectorModel.from_manifest(artefact.manifest), data.about.classes
    looked = {}
    for name in ("torch", "int8"):
        runtime = (
            open_runtime(folder, artefact.manifest, "torch")
            if name == "torch"
            else artefact.open(name)
        )
        looked[name] = list(look(runtime, model, data.held_out, classes, lambda done, total: None))
        runtime.close()
        found = figures(looked[name], len(model.classes))
        print(
            f"{name}: mAP50 {found.map50.value:.4f} ({found.map50.low:.4f} to "
            f"{found.map50.high:.4f}), mAP50-95 {found.map50_95.value:.4f}, square {model.size}, "
            f"{len(looked[name])} pictures"
        )
    loss = map50_loss(looked["torch"], looked["int8"], len(model.classes))
    if loss.value is None:
        print("No true box of the model's classes: no loss can be told.")
        return False
    print(
        f"mAP50 lost by INT8: {loss.value:.4f} ({loss.low:.4f} to {loss.high:.4f}, the same "
        f"pictures on both sides); at most {MAP50_LOSS:g}"
    )
    return loss.value <= MAP50_LOSS
