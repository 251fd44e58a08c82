"""Trainings and evaluations at a terminal: done here and now, without any service."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.db import transaction

from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.contract.runtime.errors import Cancelled, LoupeError
from loupe.contract.runtime.panel import Panel
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import PREDICTIONS, read_panel
from loupe.datasets.models import DatasetVersion
from loupe.registry.models import ModelVersion
from loupe.training import claims, services
from loupe.training.atwork import environment
from loupe.training.models import Run, RunState
from loupe.training.preparing import artefact_of
from loupe.training.recipes import training_of
from loupe.training.trainer import TICK_SECONDS, WRITE_SECONDS, Work

DEVICE = "auto"


class TrainingEnded(LoupeError):
    """A training at the terminal did not come to its end."""

    code = "training_failed"


def train_here(
    actor: Actor,
    project: Project,
    reporter: Reporter,
    *,
    app: str,
    model_name: str,
    dataset_version: DatasetVersion,
    config: Mapping[str, Any],
    base: ModelVersion | None = None,
    seed: int = 0,
) -> Run:
    """Start a training, work through it in this process and its child, and return it done.

    It is a row like any other: pages show it, and `resume` goes on with it.

    Args:
        reporter: told of figures and progress.

    Raises:
        NotVisible, Denied, TrainingRefused, RecipeInvalid: as `services.start`.
        Cancelled: the reporter said so; the run is cancelled, its checkpoint is kept.
        TrainingEnded: it failed, with its own sentence, or another training has the device.
    """
    with transaction.atomic():
        # Claimed before anybody else sees it.
        started = services.start(
            actor,
            project,
            app=app,
            model_name=model_name,
            dataset_version=dataset_version,
            config=config,
            base=base,
            seed=seed,
        )
        run = claims.claim_one(started.pk, DEVICE)
    while run is not None:
        _work_through(actor, run, reporter)
        run.refresh_from_db()
        if run.state != RunState.QUEUED or run.not_before is not None:
            break
        # Its child died; it goes on from its checkpoint.
        run = claims.claim_one(run.pk, DEVICE)
    ended = services.find(actor, started.pk)
    if ended.state == RunState.QUEUED:
        why = ended.note
        services.cancel(actor, ended)
        raise TrainingEnded(why or "Another process took the training.", code="device_busy")
    if ended.state == RunState.CANCELLED:
        raise Cancelled("The training was cancelled; its page can resume it.")
    if ended.state != RunState.DONE:
        raise TrainingEnded(ended.error or "The training failed.", code=ended.error_code or None)
    return ended


def _work_through(actor: Actor, run: Run, reporter: Reporter) -> None:
    wrote_at, told = float("-inf"), 0
    with ThreadPoolExecutor(1) as pool:
        work = Work(run, DEVICE, pool)
        try:
            while not work.over:
                work.look()
                if time.monotonic() - wrote_at >= WRITE_SECONDS:
                    wrote_at = time.monotonic()
                    work.write()
                    told = _tell(run, work, reporter, told)
                time.sleep(TICK_SECONDS)
            _tell(run, work, reporter, told)
        except Cancelled:
            services.cancel(actor, run)
            while not work.over:
                work.look()
                work.write()
                time.sleep(TICK_SECONDS)
        finally:
            if not work.over:
                work.let_go()


def _tell(run: Run, work: Work, reporter: Reporter, after: int) -> int:
    """Pass on what is new; the last step that was told."""
    for row in services.metrics(run, after):
        reporter.metrics({"step": row.step, **row.values})
        after = row.step
    if work.child is not None:
        reporter.progress(work.child.progress, 1, work.child.note)
    return after


def measure_here(version: ModelVersion, data: Path) -> tuple[Panel, list[str]]:
    """Evaluate a version on a folder; its panel and the lines of its predictions. Nothing is kept.

    Raises:
        TrainingRefused: the app evaluates nothing.
        ModelRefused: the version's files are missing or were changed.
        TrainingEnded: the data were refused, or the evaluation broke; the message says why.
    """
    training = training_of(version.model.app)
    with tempfile.TemporaryDirectory(prefix="loupe-evaluate-") as place:
        out, home = Path(place) / "out", Path(place) / "home"
        home.mkdir()
        done = subprocess.run(
            [
                *(sys.executable, "-m", training.evaluate_module),
                *("--artefact", str(artefact_of(version)), "--data", str(data.absolute())),
                *("--out", str(out)),
            ],
            env=environment(version.model.app, DEVICE, home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise TrainingEnded(f"The evaluation did not come to its end: {said}")
        lines = (out / PREDICTIONS).read_text(encoding="utf-8").splitlines()
        return read_panel(out), lines
