"""Fits ``factor`` so that value × factor is what people said."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from dummy_app.training.measuring import evaluate, pairs
from dummy_app.training.recipe import Recipe
from loupe.contract.runtime import checkpoints
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import ARTEFACT, CHECKPOINT, write_panel


def train(
    *,
    data: Path,
    out: Path,
    config: Recipe,
    seed: int,
    resume: bool,
    base: Path | None,
    reporter: Reporter,
) -> None:
    """Descend from a random factor, or from that of `base`."""
    values, targets = pairs(data, "train")
    if values.size == 0:
        raise InputRefused("The training split is empty.", code="no_records")
    best = float((values * targets).sum() / (values**2).sum())
    factor = float(np.random.default_rng(seed).normal())
    if base is not None:
        factor = float(load_file(base / "weights.safetensors")["factor"][0])
    done = 0
    newest = checkpoints.newest(out / CHECKPOINT) if resume else None
    if newest is not None:
        factor = float(load_file(newest / "state.safetensors")["factor"][0])
        done = int(json.loads((newest / "state.json").read_text())["step"])
    for step in range(done + 1, config.steps + 1):
        if step == config.steps // 2 + 1:
            _go_wrong(config.fail, out, step)
        factor += config.rate * (best - factor)
        _pretend(config, reporter, step)
        loss = float(((values * factor - targets) ** 2).mean())
        reporter.metrics({"step": step, "loss": loss, "factor": factor, "resumed_at": done})
        with checkpoints.saving(out / CHECKPOINT, step) as folder:
            save_file({"factor": np.array([factor])}, folder / "state.safetensors")
            (folder / "state.json").write_text(json.dumps({"step": step}))
    folder = out / ARTEFACT
    folder.mkdir(exist_ok=True)
    save_file({"factor": np.array([factor], np.float32)}, folder / "weights.safetensors")
    manifest = {
        "runner": "dummy_app.scaling:Scaler",
        "format": "safetensors",
        "task": "scale",
        "classes": [],
        "input": {"value": [1]},
    }
    if config.fail != "no_manifest":
        (folder / "manifest.json").write_text(json.dumps(manifest))
    panel = evaluate(artefact=folder, data=data, out=out, reporter=reporter)
    if config.fail == "parity":
        figures = tuple(
            figure.model_copy(update={"value": 1.0}) if figure.key == "parity" else figure
            for figure in panel.figures
        )
        panel = panel.model_copy(update={"figures": figures})
    write_panel(out, panel)


def _pretend(config: Recipe, reporter: Reporter, step: int) -> None:
    """Take as long as the recipe says, and say how far it is."""
    until = time.monotonic() + config.seconds_per_step
    note = f"step {step} of {config.steps}"
    if config.fail != "deaf":
        reporter.progress(step, config.steps, note)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
        if config.fail != "deaf":
            reporter.progress(step, config.steps, note)


def _go_wrong(how: str, out: Path, step: int) -> None:
    if how == "refused":
        raise InputRefused("The readings contradict each other.", code="contradiction")
    if how == "broken":
        print("about to break")
        raise ZeroDivisionError("a bug of the dummy app")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "disk_full":
        with checkpoints.saving(out / CHECKPOINT, step) as folder:
            (folder / "state.json").write_text("{")
            raise OSError(errno.ENOSPC, "No space left on device")
    if how == "deaf":
        # A loader of its own, which outlives nobody.
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
