"""Trains a report model on somebody's own studies, as the host or a person asks.

The image network goes on from a model that is there, by default the shipped one; the writing is
taken from it, or learned from made-up findings where training begins from scratch. Free of Django.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from apps.report_gen.evaluation.labelled import labelled_panel
from apps.report_gen.findings import KEYS
from apps.report_gen.inference.foreign import check_folder, opened
from apps.report_gen.inference.manifest import write_manifest
from apps.report_gen.inference.network import ImageNetwork, windowed
from apps.report_gen.inference.report_network import ReportNetwork
from apps.report_gen.inference.shape import TOY, Shape
from apps.report_gen.inference.softening import as_read
from apps.report_gen.inference.stored import RECORD, Model, fetch, store
from apps.report_gen.inference.verdicts import Verdicts
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.training.calibrating import fitted
from apps.report_gen.training.evaluating import told_of
from apps.report_gen.training.losses import losses
from apps.report_gen.training.made_up import some_findings_set
from apps.report_gen.training.pool import Pool
from apps.report_gen.training.real.cache import Kept, prepared
from apps.report_gen.training.real.config import TrainingConfig
from apps.report_gen.training.real.learning import example_of, may_be_background, real_loss
from apps.report_gen.training.real.mapping import Columns
from apps.report_gen.training.real.material import Material, material
from apps.report_gen.training.real.panels import host_panel
from apps.report_gen.training.real.studies import told
from apps.report_gen.training.real.tables import Problem
from apps.report_gen.training.stage_text import writing_loss
from apps.report_gen.training.state import rate_at
from loupe.contract.runtime.checkpoints import newest, saving
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.reporter import Reporter
from loupe.contract.runtime.training import ARTEFACT, CHECKPOINT, PREDICTIONS, write_panel

SHIPPED: Final = Path(__file__).parents[2] / "models_shipped" / "chest"
PROBLEMS: Final = "problems.json"
LEAST_TO_CALIBRATE: Final = 8
"""Validated studies with and without a finding; below, the base's thresholds stay."""
USE: Final = "research use; not for diagnosis"


def train(
    *, data: Path, out: Path, config: TrainingConfig, seed: int, resume: bool, base: Path | None,
    reporter: Reporter,
) -> None:  # fmt: skip
    """What `loupe.contract.runtime.training.Train` asks for; see `train_on`."""
    train_on(
        data=data, out=out, config=config, seed=seed, resume=resume, base=base,
        reporter=reporter, columns=None,
    )  # fmt: skip


def train_on(
    *, data: Path, out: Path, config: TrainingConfig, seed: int, resume: bool, base: Path | None,
    reporter: Reporter, columns: Columns | None,
) -> dict[str, Any]:  # fmt: skip
    """Read, prepare, learn, calibrate, measure, store; the figures.

    Everything that was left out stands in ``problems.json`` with file, line and reason.

    Raises:
        InputRefused: nothing can be learned from, or the disk has no room.
        ModelRefused: the model to begin with cannot be read.
    """
    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    reporter.progress(0, 1, "reading")
    given = material(data, columns)
    studies = given.studies
    if config.text_encoder:
        check_folder(Path(config.text_encoder))
    model = start(config, base, seed)
    kept, refused = prepared(
        studies,
        Path(config.cache) if config.cache else out / "cache",
        model.shape,
        lambda at, study: reporter.progress(
            0.1 * at / len(studies), 1, f"preparing {given.study(study)}"
        ),
    )
    problems = sorted([*given.problems, *refused])
    _write_problems(out, problems, given)
    learning = [each for each in kept if not each.study.validates]
    judging = [each for each in kept if each.study.validates]
    if not learning:
        raise InputRefused(
            f"Of {len(studies)} studies none is left to learn from: {len(judging)} are kept for "
            f"judging and {len(refused)} are refused. Give more patients.",
            code="no_study",
        )
    image = model.image.to(device)
    learn(image, learning, judging, config, seed, resume, out, reporter, model.verdicts)
    report = model.report
    if config.text_encoder:
        report.text = opened(Path(config.text_encoder), model.shape.width)
    report = report.to(device)
    if config.from_scratch or config.text_encoder:
        write_from_scratch(report, config, seed, device, reporter)
    reporter.progress(0.96, 1, "measuring")
    judged = judging or learning
    made = Model(
        shape=model.shape, image=image.cpu().eval(), report=report.cpu().eval(),
        verdicts=model.verdicts, card={},
    )  # fmt: skip
    served = as_served(made, out).to(device)
    logits = answers(served, judged, lambda at: reporter.progress(0.96, 1, f"measuring {at}"))
    truth, known = labels(judged)
    verdicts = calibrated(model.verdicts, logits, truth, known) if judging else model.verdicts
    panel = labelled_panel(
        told_of(verdicts, logits), verdicts.probabilities(logits), truth, known,
        [each.study.patient for each in judged],
    )  # fmt: skip
    said = {
        "use": USE,
        "trained_on": f"{len(learning)} studies of {given.name}"
        + ("" if config.from_scratch else f"; before: {model.card.get('trained_on', '')}"),
        "figures": f"{len(judged)} studies of {given.name}, "
        + ("of patients that were not learned from" if judging else "LEARNED FROM: no others"),
        "test": panel,
        "labels": told(studies),
        "left_out": len(problems),
        "backgrounds": backgrounds(model.card, learning, config),
        "seed": seed,
        "recipe": config.model_dump(exclude={"cache", "device"}),
    }
    store(out / ARTEFACT, replace(made, verdicts=verdicts, card=said))
    write_manifest(out / ARTEFACT, "report", f"Trained on {given.name}. {USE.capitalize()}.")
    write_predictions(out, judged, verdicts.probabilities(logits), given)
    write_panel(out, host_panel(panel, given.name, held_out=bool(judging)))
    reporter.progress(1, 1, "done")
    return said


def start(config: TrainingConfig, base: Path | None, seed: int) -> Model:
    """The model to go on from; a random one where that is asked."""
    if config.from_scratch:
        shape = TOY if config.toy else Shape()
        torch.manual_seed(seed)
        return Model(
            shape=shape, image=ImageNetwork(shape), report=ReportNetwork(shape),
            verdicts=Verdicts(), card={},
        )  # fmt: skip
    folder = base or SHIPPED
    if not (folder / RECORD).is_file():
        where = f"{base} holds no report model" if base else "No report model is shipped"
        raise InputRefused(
            f"{where} to go on from: name one to start from, or begin from scratch.",
            code="model_missing",
        )
    return fetch(folder)


def as_served(model: Model, out: Path) -> ImageNetwork:
    """The image network as it is stored and read again: what the figures are about."""
    folder = out / "measured"
    store(folder, model)
    image = fetch(folder).image
    shutil.rmtree(folder)
    return image


def learn(
    image: ImageNetwork, learning: list[Kept], judging: list[Kept], config: TrainingConfig,
    seed: int, resume: bool, out: Path, reporter: Reporter, verdicts: Verdicts,
) -> None:  # fmt: skip
    """Steps on volumes with labels and on phantoms; a checkpoint with figures now and then."""
    device = str(next(image.parameters()).device)
    optimizer = torch.optim.AdamW(image.parameters(), lr=config.rate, weight_decay=0.02)
    step = _restored(out, image, optimizer, reporter) if resume else 0
    pool = Pool(
        Grid(shape=image.shape.grid, spacing=image.shape.spacing, device=device), config.pool,
        seed * 1_000_003,
    )  # fmt: skip
    while step < config.steps:
        # Each step draws from its own numbers: what is resumed goes the same way.
        draw = np.random.default_rng([seed, step])
        torch.manual_seed(seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step / config.steps, config.rate)
        image.train()
        if draw.random() < config.phantoms:
            if pool.made < config.pool:
                pool.next_seed = seed * 1_000_003 + step
                pool.add()
            loss = _phantom_loss(image, pool, config, draw)
        else:
            chosen = draw.choice(len(learning), min(config.batch, len(learning)), replace=False)
            loss = real_loss(
                image,
                [example_of(learning[at], image.shape, draw, config.insert) for at in chosen],
                draw,
                device,
            )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(image.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        reporter.progress(0.1 + 0.85 * step / config.steps, 1, f"step {step} of {config.steps}")
        if step % config.evaluate_every == 0 or step == config.steps:
            _figures(image, judging, verdicts, step, float(loss.detach()), reporter)
            _keep(out, image, optimizer, step)
    image.eval()


def _phantom_loss(
    image: ImageNetwork, pool: Pool, config: TrainingConfig, draw: np.random.Generator
) -> Tensor:
    batch = pool.draw(config.batch, draw, 4)
    volume = windowed(batch.hu.float())
    on_gpu = volume.is_cuda
    with torch.autocast("cuda" if on_gpu else "cpu", torch.bfloat16, enabled=on_gpu):
        return losses(image, volume, image(volume), batch).total()


def _figures(
    image: ImageNetwork, judging: list[Kept], verdicts: Verdicts, step: int, loss: float,
    reporter: Reporter,
) -> None:  # fmt: skip
    found: dict[str, Any] = {"step": step, "loss": loss}
    if judging:
        logits = answers(image, judging)
        truth, known = labels(judging)
        panel = labelled_panel(
            told_of(verdicts, logits), verdicts.probabilities(logits), truth, known,
            [each.study.patient for each in judging],
        )  # fmt: skip
        if panel["macro_f1"][0] is not None:
            found["macro_f1"] = panel["macro_f1"][0]
    reporter.metrics(found)


@torch.no_grad()
def answers(
    image: ImageNetwork, kept: list[Kept], tell: Callable[[str], None] = lambda note: None
) -> np.ndarray:
    """Logits [N, K], one volume at a time; `tell` hears how far it is."""
    image.eval()
    device = next(image.parameters()).device
    rows = []
    for at, each in enumerate(kept, 1):
        tell(f"{at} of {len(kept)}")
        hu = torch.from_numpy(each.hu()).to(device)[None].float()
        rows.append(image(as_read(hu)).states[0])
    return torch.stack(rows).float().cpu().numpy().astype(float)


def labels(kept: list[Kept]) -> tuple[np.ndarray, np.ndarray]:
    """What is there and what is known, bool [N, K]."""
    truth = np.array([[each.study.labels.get(key, False) for key in KEYS] for each in kept])
    known = np.array([[key in each.study.labels for key in KEYS] for each in kept])
    return truth, known


def calibrated(
    before: Verdicts, logits: np.ndarray, truth: np.ndarray, known: np.ndarray
) -> Verdicts:
    """Thresholds of findings with enough judged studies of both kinds; the others' stay."""
    made: dict[str, list[float]] = {
        name: list(getattr(before, name)) for name in ("slopes", "shifts", "low", "high")
    }
    for k in range(len(KEYS)):
        at = known[:, k]
        there = int(truth[at, k].sum())
        if min(there, int(at.sum()) - there) < LEAST_TO_CALIBRATE:
            continue
        found = fitted(logits[at], truth[at], before.peak)
        for name, values in made.items():
            values[k] = getattr(found, name)[k]
    return replace(
        before, slopes=tuple(made["slopes"]), shifts=tuple(made["shifts"]), low=tuple(made["low"]),
        high=tuple(made["high"]),
    )  # fmt: skip


def backgrounds(card: Mapping[str, Any], learning: list[Kept], config: TrainingConfig) -> list[str]:
    """Hashes of the scans that nodules were put into, those of the model before among them."""
    used = {str(each) for each in card.get("backgrounds", ())}
    if config.insert > 0:
        used |= {each.digest for each in learning if may_be_background(each)}
    return sorted(used)


def write_from_scratch(
    report: ReportNetwork, config: TrainingConfig, seed: int, device: str, reporter: Reporter
) -> None:
    """The writing learns from made-up findings: free texts are never learned word by word."""
    optimizer = torch.optim.AdamW(report.parameters(), lr=6e-4, weight_decay=0.01)
    draw = np.random.default_rng([seed, 2])
    report.train()
    for step in range(config.steps):
        studies = [some_findings_set(draw) for _ in range(4 if config.toy else 32)]
        loss = writing_loss(report, studies, draw, device)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(report.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        reporter.progress(0.95, 1, f"writing, step {step + 1} of {config.steps}")
    report.eval()


def _keep(out: Path, image: ImageNetwork, optimizer: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"image.{k}": v.detach().cpu().contiguous() for k, v in image.state_dict().items()}
    for number, held in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer.{number}.{name}": value.detach().cpu().contiguous()
            for name, value in held.items()
        }
    with saving(out / CHECKPOINT, step) as folder:
        save_file(tensors, folder / "state.safetensors")
        (folder / "state.json").write_text(json.dumps({"step": step}))


def _restored(
    out: Path, image: ImageNetwork, optimizer: torch.optim.Optimizer, reporter: Reporter
) -> int:
    """The step of the newest checkpoint, whose weights are taken; 0 where there is none."""
    folder = newest(out / CHECKPOINT)
    if folder is None:
        return 0
    tensors = load_file(folder / "state.safetensors")
    step = int(json.loads((folder / "state.json").read_text())["step"])
    image.load_state_dict(
        {k.removeprefix("image."): v for k, v in tensors.items() if k.startswith("image.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, part = name.split(".", 2)
            state.setdefault(int(number), {})[part] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    reporter.progress(0.1, 1, f"going on after step {step}")
    return step


def _write_problems(out: Path, problems: list[Problem], given: Material) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if given.private:
        if problems:
            print(f"left out: {len(problems)} rows and volumes", file=sys.stderr, flush=True)
        return
    told = [vars(each) for each in problems]
    (out / PROBLEMS).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    for each in problems:
        print(f"left out: {each}", file=sys.stderr, flush=True)


def write_predictions(out: Path, judged: list[Kept], chances: np.ndarray, given: Material) -> None:
    """Probabilities and labels of every judged study, one a line."""
    with (out / PREDICTIONS).open("w", encoding="utf-8") as file:
        for each, row in zip(judged, chances.tolist(), strict=True):
            record = {
                "record": given.study(each.study),
                "patient": given.patient(each.study),
                "probabilities": dict(zip(KEYS, [round(p, 6) for p in row], strict=True)),
                "labels": dict(each.study.labels),
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
