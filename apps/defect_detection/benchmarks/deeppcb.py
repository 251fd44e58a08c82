"""Trains detectors on a YOLO set split by two lists: plain Ultralytics and Loupe, measured alike.

    python -m apps.defect_detection.benchmarks.deeppcb --data DIR --out DIR --arm NAME

Both sides' weights are judged by Ultralytics' own validation (rectangular batches and square 640)
and by ours. One JSON line per run goes to standard output; ``history.jsonl`` keeps the curve. On
standard error every stage says when it began, for the first epoch on a machine that has just
started takes as long as twenty others: cuDNN loads and tries its kernels.
`scripts/train_deeppcb.sh` runs whole plans of it on a machine with a GPU.
"""

import argparse
import dataclasses
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.training import loop, pictures, predict, trainer
from apps.defect_detection.training.augment import Composer
from apps.defect_detection.training.average_precision import measure
from apps.defect_detection.training.recipe import DEFAULT, SMALL, Recipe

NAMES = ("open", "short", "mousebite", "spur", "copper", "pin_hole")
# As many epochs, as large batches and as long without mosaic as plain Ultralytics has here.
SAME_EPOCHS = Recipe(epochs=70, batch=64, plain_end=10 / 70, patience=0)
ARMS = {"same_epochs": SAME_EPOCHS, "default": DEFAULT, "small": SMALL}
FIRST_SHOWN, EVERY_SHOWN = 3, 5  # epochs that are told: the first so many, then every so many
BEGAN = time.monotonic()


def say(what: str) -> None:
    """One line on standard error, with the seconds since everything is imported."""
    print(f"{time.monotonic() - BEGAN:7.1f} s  {what}", file=sys.stderr, flush=True)


def main(argv: list[str]) -> int:
    """Run one arm and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m apps.defect_detection.benchmarks.deeppcb")
    parser.add_argument("--data", type=Path, required=True, help="images/, labels/, two lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arm", choices=["plain", "speed", *ARMS], required=True)
    parser.add_argument("--name", default="", help="shown in the figures; default: the arm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=0, help="train on this many, drawn by seed")
    parser.add_argument("--val-pictures", type=int, default=0, help="validate on the first so many")
    parser.add_argument("--seconds", type=float, default=0.0, help="train this long (wall clock)")
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--workers", type=int, default=min(16, os.cpu_count() or 1))
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=JSON")
    options = parser.parse_args(argv)
    name = options.name or options.arm
    out = options.out / f"{name}-{options.seed}"
    out.mkdir(parents=True, exist_ok=True)
    say(f"{out.name}: imported")
    train = read_split(options.data, "train")
    val = read_split(options.data, "val")
    say(f"labels of {len(train)} and {len(val)} pictures read")
    if options.pictures:
        train = random.Random(options.seed).sample(train, options.pictures)  # noqa: S311 - which pictures, no secret
    if options.val_pictures:
        val = val[: options.val_pictures]
    changes = {
        key: json.loads(value) for key, value in (each.split("=", 1) for each in options.set)
    }
    if options.epochs:
        changes["epochs"] = options.epochs
    if options.seconds:
        changes["seconds"] = options.seconds
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    torch.zeros(1, device=device)
    say(f"{torch.cuda.get_device_name() if device.type == 'cuda' else 'the CPU'} answers")
    if options.arm == "speed":
        return speed(train, SAME_EPOCHS.with_(**changes), out, device)
    description = write_description(train, val, out / "data")
    figures: dict[str, Any] = {"name": name, "seed": options.seed, "pictures": len(train)}
    began = time.monotonic()
    if options.arm == "plain":
        figures |= run_plain(description, out, options, changes)
    else:
        figures |= run_ours(
            train, val, out, ARMS[options.arm].with_(**changes), options.seed, device
        )
    figures["wall_s"] = round(time.monotonic() - began, 1)
    architecture = figures["recipe"].get("architecture", "yolo11n")
    for kept in ("best", "last"):
        if (weights := Path(figures.pop(kept))).exists():
            oracle = description if kept == "best" else None
            figures[kept] = judge(architecture, weights, oracle, val, out, device)
            for judged, found in figures[kept].items():
                if judged != "classes":
                    say(f"{kept} weights by {judged}: {found['map50']} / {found['map50_95']}")
    figures["torch"] = torch.__version__
    figures["device"] = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    line = json.dumps(figures)
    (out / "figures.json").write_text(line + "\n")
    print(line, flush=True)
    return 0


def run_ours(
    train: list[pictures.Labelled],
    val: list[pictures.Labelled],
    out: Path,
    recipe: Recipe,
    seed: int,
    device: torch.device,
) -> dict[str, Any]:
    """Train by `recipe`; the clock runs from before the pictures are decoded."""
    began = time.monotonic()
    splits = [pictures.load(items, recipe.size, device) for items in (train, val)]
    loaded = time.monotonic() - began
    say("pictures decoded")
    if recipe.seconds:
        recipe = recipe.with_(seconds=max(1.0, recipe.seconds - loaded))
    with (out / "history.jsonl").open("w") as file:

        def report(line: dict[str, float]) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()
            tell(line)

        outcome = loop.fit(
            splits[0], splits[1], NAMES, recipe, seed, out, device, report, beat=FirstSteps()
        )
    history = outcome.history
    return {
        "recipe": dataclasses.asdict(recipe),
        "epochs": outcome.epochs,
        "best_epoch": outcome.best_epoch,
        "load_s": round(loaded, 1),
        "train_s": round(loaded + outcome.seconds, 1),
        "pictures_per_s": float(np.median([line["pictures_per_s"] for line in history])),
        "best": str(outcome.best),
        "last": str(outcome.last),
    }


def tell(line: dict[str, float]) -> None:
    """Say an epoch's figures, where it is one of those that are told."""
    if line["epoch"] <= FIRST_SHOWN or line["epoch"] % EVERY_SHOWN == 0:
        say(json.dumps({key: round(value, 4) for key, value in line.items()}))


class FirstSteps:
    """Says when the first two steps of a training are done: the first tries and loads kernels."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, done: float, total: float) -> None:
        """One more step is done."""
        self.steps += 1
        if self.steps <= 2:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            say(f"step {self.steps} done")


def run_plain(
    description: Path, out: Path, options: argparse.Namespace, changes: dict[str, Any]
) -> dict[str, Any]:
    """Ultralytics' own trainer with its defaults: 70 epochs and batch 64 unless told otherwise."""
    more: dict[str, Any] = {"workers": options.workers}
    if options.seconds:
        more["time"] = options.seconds / 3600
    epochs, batch = changes.get("epochs", 70), changes.get("batch", 64)
    began = time.monotonic()
    best = trainer.train("yolo11n", description, out, epochs, batch, options.seed, **more)
    history = (best.parent / "history.jsonl").read_text().splitlines()
    return {
        "recipe": {"epochs": epochs, "batch": batch, **more},
        "epochs": len(history),
        "train_s": round(time.monotonic() - began, 1),
        "best": str(best),
        "last": str(best.parent / "last.safetensors"),
    }


def judge(
    architecture: str,
    weights: Path,
    description: Path | None,
    val: list[pictures.Labelled],
    out: Path,
    device: torch.device,
) -> dict[str, Any]:
    """Figures of `weights` by ours and, given a description, by Ultralytics' validation."""
    names = dict(enumerate(NAMES))
    split = pictures.load(val, 640, device)
    model = architectures.load(architecture, weights, names).to(device)
    result = measure(predict.predict(model, split, device), predict.truth(split), len(NAMES))
    figures: dict[str, Any] = {
        "loupe": {"map50": round(result.map50, 4), "map50_95": round(result.map50_95, 4)},
        "classes": {
            name: round(float(value), 4)
            for name, value in zip(NAMES, result.per_class[:, 0], strict=True)
        },
    }
    if description is None:
        return figures
    for rectangular in (True, False):
        kind = "ultralytics_rect" if rectangular else "ultralytics_square"
        measured = trainer.validate(
            architecture, weights, names, description, "val", out, rect=rectangular
        )
        figures[kind] = {key: measured[key] for key in ("map50", "map50_95")}
    return figures


def speed(train: list[pictures.Labelled], recipe: Recipe, out: Path, device: torch.device) -> int:
    """Pictures a second of composing alone and of whole epochs, one JSON line."""
    split = pictures.load(train, recipe.size, device)
    generator = torch.Generator().manual_seed(0)
    composer = Composer(split, recipe, device, generator)
    chosen = torch.arange(min(recipe.batch, len(split)))
    seconds = []
    for _ in range(12):
        began = time.monotonic()
        composer.batch(chosen, plain=False)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.monotonic() - began)
    say(f"composed {len(seconds)} batches, the last in {seconds[-1]:.3f} s")
    few = pictures.load(train[:2], recipe.size, device)
    began = time.monotonic()
    recipe = recipe.with_(measure_every=10**6)
    outcome = loop.fit(split, few, NAMES, recipe, 0, out, device, tell, beat=FirstSteps())
    rates = [line["pictures_per_s"] for line in outcome.history]
    memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    print(
        json.dumps(
            {
                "speed": {
                    "batch": recipe.batch,
                    "optimizer": recipe.optimizer,
                },
                "compose_pictures_per_s": round(len(chosen) / float(np.median(seconds[2:]))),
                "epoch_pictures_per_s": rates,
                "peak_gib": round(memory, 1),
                "seconds": round(time.monotonic() - began, 1),
            }
        ),
        flush=True,
    )
    return 0


def read_split(data: Path, split: str) -> list[pictures.Labelled]:
    """The pictures that ``SPLIT.txt`` names, with their YOLO labels in pixels."""
    found = []
    for line in (data / f"{split}.txt").read_text().split():
        image = data / line
        label = data / "labels" / f"{image.stem}.txt"
        rows = np.array([each.split() for each in label.read_text().splitlines()], np.float32)
        rows = rows.reshape(-1, 5)
        middle, half = rows[:, 1:3] * 640, rows[:, 3:5] * 320
        boxes = np.concatenate((rows[:, :1], middle - half, middle + half), 1)
        found.append(pictures.Labelled(path=image, boxes=boxes))
    return found


def write_description(
    train: list[pictures.Labelled], val: list[pictures.Labelled], folder: Path
) -> Path:
    """A data description of our own over links to the pictures, for Ultralytics' reader."""
    for split, items in (("train", train), ("val", val)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for item in items:
            link = folder / "images" / split / item.path.name
            if not link.exists():
                link.symlink_to(item.path.resolve())
            label = item.path.parents[1] / "labels" / f"{item.path.stem}.txt"
            (folder / "labels" / split / label.name).write_text(label.read_text())
    description = folder / "data.yaml"
    paths = {split: f"images/{split}" for split in ("train", "val")}
    description.write_text(
        json.dumps({"path": str(folder.resolve()), **paths, "names": dict(enumerate(NAMES))})
    )
    return description


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
