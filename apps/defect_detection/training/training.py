"""Trains a detector as the host or a person asks: data, pictures, epochs, artefact, figures."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

from apps.defect_detection.training import base as beginning
from apps.defect_detection.training import collection, loop
from apps.defect_detection.training.artefact import write_trained
from apps.defect_detection.training.card import model_card
from apps.defect_detection.training.config import TrainingConfig, recipe_for
from apps.defect_detection.training.evaluation.evaluating import Artefact, measured
from apps.defect_detection.training.pictures import Pictures, load
from apps.defect_detection.training.views import views
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import ARTEFACT, CHECKPOINT, write_panel

SHOWN = 50  # problems of the data, in the log
# Shares of the whole, for the bar: reading pictures, the epochs, exporting, measuring.
READ, LEARNED, EXPORTED = 0.04, 0.85, 0.9


def train(
    *,
    data: Path,
    out: Path,
    config: TrainingConfig,
    seed: int,
    resume: bool,
    base: Path | None,
    reporter: Reporter,
) -> None:
    """Train and write what `loupe.contract.runtime.training` asks for below `out`.

    Raises:
        InputRefused: the data cannot be trained on, or the training diverged.
        ModelRefused: the artefact to start from cannot be.
        Cancelled: somebody asked for it.
        OSError: the disk is full; the last checkpoint is kept.
    """
    # Read when cuBLAS is loaded; without it its sums differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    reporter.progress(0, 1, "reading labels")
    if base is not None:
        config = config.model_copy(update={"architecture": beginning.architecture_of(base)})
    read = collection.read(data)
    for problem in read.problems[:SHOWN]:
        print(f"left out: {problem}", file=sys.stderr, flush=True)
    found = collection.for_training(
        read, seed, lambda done, total: reporter.progress(0, 1, "comparing")
    )
    device = _device(config.device)
    recipe = recipe_for(config, len(found.of("train")), device.type == "cuda")
    pictures = _pictures(found, recipe.size, config.tiles, device, out, reporter)
    model = None
    if base is not None:
        # Random where nothing fits, so by the seed.
        torch.manual_seed(seed)
        names = found.about.classes
        model = beginning.model_from(base, names, recipe.end2end, pictures["train"])

    def report(line: dict[str, float]) -> None:
        reporter.metrics({"step": int(line["epoch"]), **_shown(line)})

    def beat(done: float, total: float) -> None:
        share = READ + (LEARNED - READ) * min(1.0, done / total)
        reporter.progress(share, 1, f"{pictures['train'].pixels.shape[0]} views an epoch")

    outcome = loop.fit(
        pictures["train"],
        pictures["val"],
        found.about.classes,
        recipe,
        seed,
        out,
        device,
        report,
        model=model,
        keeping=loop.Keeping(folder=out / CHECKPOINT, resume=resume),
        beat=beat,
    )
    weights = outcome.best if outcome.best.exists() else outcome.last
    origin = "from random weights" if base is None else "from a registered model"
    write_trained(
        weights,
        out / ARTEFACT,
        about=found.about,
        recipe=recipe,
        serve=config.serve,
        card=model_card(found, recipe, seed, outcome, origin),
        train=pictures["train"],
        seed=seed,
        beat=lambda: reporter.progress(LEARNED, 1, "exporting"),
    )
    pictures.clear()

    def measuring(done: float, total: float, note: str) -> None:
        reporter.progress(EXPORTED + (1 - EXPORTED) * done / total, 1, note)

    artefact = Artefact.read(out / ARTEFACT)
    write_panel(out, measured(artefact, found, out, measuring, choose=config.serve == "auto"))


def _device(wanted: str) -> torch.device:
    """What to compute on.

    Raises:
        InputRefused: a GPU was asked for that is not there.
    """
    if wanted == "cpu" or (not wanted and not torch.cuda.is_available()):
        return torch.device("cpu")
    number = int(wanted.partition(":")[2] or 0)
    if number >= torch.cuda.device_count():
        raise InputRefused(
            f"device is {wanted!r}, but {torch.cuda.device_count()} GPUs can be used here. Leave "
            "it empty to take what there is.",
            code="no_such_device",
        )
    return torch.device("cuda", number)


def _pictures(
    found: collection.Collection,
    size: int,
    tiles: bool,
    device: torch.device,
    out: Path,
    reporter: Reporter,
) -> dict[str, Pictures]:
    loaded = {}
    for split in ("train", "val"):
        spill = out / f"pixels-{split}"

        def beat(done: float, total: float, split: str = split) -> None:
            reporter.progress(READ * done / total, 1, f"reading {split} pictures")

        loaded[split] = load(
            views(found.of(split), size, tiles), size, device, _threads(), spill=spill, beat=beat
        )
        # The mapping outlives the name: nothing is left after a kill.
        for place in (spill, spill.with_suffix(".colour")):
            place.unlink(missing_ok=True)
    return loaded


def _threads() -> int:
    return max(1, min(16, len(os.sched_getaffinity(0))))


def _shown(line: dict[str, float]) -> dict[str, Any]:
    """The figures of an epoch that are drawn; JSON-safe."""
    hidden = {"epoch", "fitness"}
    return json.loads(json.dumps({key: each for key, each in line.items() if key not in hidden}))
