"""The training loop: composed batches in, the best and the last weights out.

Pictures stay on the device, so a step waits for nothing but the GPU. What is measured after an
epoch is the moving average, on the validation split, by `average_precision`.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.training import state
from apps.defect_detection.training.augment import Batch, Composer
from apps.defect_detection.training.average_precision import measure
from apps.defect_detection.training.optimizer import MovingAverage, build_optimizer, set_rates
from apps.defect_detection.training.pictures import Pictures
from apps.defect_detection.training.predict import predict, truth
from apps.defect_detection.training.recipe import Recipe
from loupe.contract.runtime.errors import InputRefused

CLIP = 10.0  # largest norm of the gradient
MAP50_SHARE = 0.5  # of the fitness; the rest is mAP50-95
PROBED = 3  # epochs after which a run bound by time knows how many fit
UNKNOWN_EPOCHS = 10**6  # of a run bound by time, until it knows
TRIED = 4  # cuDNN kernels for each convolution; they come best first, and trying each costs time
CHECKPOINT_SHARE = 20  # training takes at least this many times as long as saving it


@dataclass(kw_only=True)
class Outcome:
    """What came of a training. `history` has one line of figures per epoch of this process."""

    best: Path
    last: Path
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Where checkpoints go, and whether to go on from the newest one."""

    folder: Path
    resume: bool = False


def fit(
    train: Pictures,
    val: Pictures,
    names: tuple[str, ...],
    recipe: Recipe,
    seed: int,
    out: Path,
    device: torch.device,
    report: Callable[[dict[str, float]], None] = lambda line: None,
    *,
    model: Any = None,
    keeping: Keeping | None = None,
    beat: Callable[[float, float], None] = lambda done, total: None,
) -> Outcome:
    """Train; write ``best.safetensors`` and ``last.safetensors`` (fp16) below `out`.

    Args:
        report: called with each line of the history as it comes, before its checkpoint is saved.
        model: to start from; None: random weights by `seed`.
        beat: called after every batch with epochs done and epochs in all; may raise `Cancelled`.

    Raises:
        InputRefused: the losses are no numbers any more, or a checkpoint is another training's.
    """
    training = _Training(train, val, names, recipe, seed, out, device, model)
    if keeping is not None and keeping.resume:
        training.go_on_from(keeping.folder)
    saved_at, cost = -math.inf, 0.0
    while training.epoch < training.epochs:
        line = training.one_epoch(beat)
        report(line)
        training.conclude(line)
        now = time.monotonic()
        due = now - saved_at >= CHECKPOINT_SHARE * cost or training.epoch >= training.epochs
        if keeping is not None and due:
            training.save(keeping.folder)
            saved_at, cost = time.monotonic(), time.monotonic() - now
    outcome = training.outcome
    architectures.save(training.average.model, outcome.last)
    outcome.epochs, outcome.seconds = training.epoch, time.monotonic() - training.began
    return outcome


class _Training:
    """One run's state between two epochs."""

    def __init__(
        self,
        train: Pictures,
        val: Pictures,
        names: tuple[str, ...],
        recipe: Recipe,
        seed: int,
        out: Path,
        device: torch.device,
        model: Any,
    ) -> None:
        self.began = time.monotonic()
        out.mkdir(parents=True, exist_ok=True)
        self.train, self.val, self.names = train, val, names
        self.recipe, self.device = recipe, device
        self.of = {
            "recipe": dataclasses.asdict(recipe),
            "classes": list(names),
            "pictures": [len(train), len(val)],
            "seed": seed,
        }
        torch.manual_seed(seed)
        self.on_gpu = device.type == "cuda"
        _prepare(self.on_gpu, recipe.deterministic)
        if model is None:
            model = architectures.build(recipe.architecture, len(names), recipe.end2end)
        model.names = dict(enumerate(names))
        model.args = SimpleNamespace(
            box=recipe.box, cls=recipe.classes, dfl=recipe.dfl, epochs=recipe.epochs
        )
        model = model.to(device)
        if self.on_gpu:
            model = model.to(memory_format=torch.channels_last)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = ".dfl" not in name
        self.model = model
        self.criterion = model.init_criterion()
        self.average = MovingAverage(model, recipe.ema_decay, recipe.ema_tau)
        self.optimizer = build_optimizer(model, recipe)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.on_gpu)
        self.generator = torch.Generator().manual_seed(seed)
        self.composer = Composer(train, recipe, device, self.generator)
        self.expected = truth(val)
        self.outcome = Outcome(best=out / "best.safetensors", last=out / "last.safetensors")
        self.best, self.epoch = -1.0, 0
        self.epochs = UNKNOWN_EPOCHS if recipe.seconds else recipe.epochs

    def one_epoch(self, beat: Callable[[float, float], None]) -> dict[str, float]:
        """As many composed pictures as the split has; then measure. Returns the epoch's figures."""
        recipe, started = self.recipe, time.monotonic()
        steps = max(1, math.ceil(len(self.train) / recipe.batch))
        warm_steps = max(1.0, recipe.warmup_epochs * steps)
        known = self.epochs < UNKNOWN_EPOCHS
        plain = known and self.epoch >= math.floor(self.epochs * (1 - recipe.plain_end))
        losses = torch.zeros(3, device=self.device)
        self.model.train()
        shown: dict[str, Any] = {}
        for step, batch in enumerate(self._batches(plain)):
            done = self.epoch * steps + step
            set_rates(self.optimizer, recipe, self.epoch / self.epochs, done / warm_steps)
            shown = self._step(batch)
            losses += torch.stack([each.float() for each in shown.values()]) / steps
            if known:
                beat(self.epoch + (step + 1) / steps, self.epochs)
            else:
                beat(time.monotonic() - self.began, recipe.seconds)
        if hasattr(self.criterion, "update"):
            self.criterion.update()
        self.epoch += 1
        line = dict(zip(shown, losses.tolist(), strict=True))
        if not all(math.isfinite(value) for value in line.values()):
            raise InputRefused(
                f"The training diverged in epoch {self.epoch}: its losses are no numbers any more. "
                "Start it again with a lower learning rate.",
                code="diverged",
            )
        trained = time.monotonic()
        line |= self._measured()
        return line | {
            "epoch": self.epoch,
            "rate": self.optimizer.param_groups[0]["lr"],
            "pictures_per_s": round(len(self.train) / (trained - started), 1),
            "measure_s": round(time.monotonic() - trained, 2),
            "seconds": round(time.monotonic() - self.began, 1),
        }

    def _step(self, batch: Batch) -> dict[str, Any]:
        """One batch through the network and the optimizer; the losses."""
        with torch.autocast(self.device.type, torch.float16, enabled=self.on_gpu):
            output = self.model(batch.images)
        parts, shown = self.criterion(
            _in_full(output),
            {"batch_idx": batch.batch_idx, "cls": batch.cls, "bboxes": batch.bboxes},
        )
        self.scaler.scale(parts.sum()).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update()
        return shown

    def _measured(self) -> dict[str, float]:
        """The moving average's figures where they are due; the best so far is kept."""
        if self.epoch % self.recipe.measure_every and self.epoch < self.epochs:
            return {}
        found = predict(self.average.model, self.val, self.device)
        result = measure(found, self.expected, len(self.names))
        fitness = MAP50_SHARE * result.map50 + (1 - MAP50_SHARE) * result.map50_95
        # As long as nothing is found at all, the later one is the better one.
        if fitness > self.best or self.best <= 0:
            self.best, self.outcome.best_epoch = fitness, self.epoch
            architectures.save(self.average.model, self.outcome.best)
        return {"map50": result.map50, "map50_95": result.map50_95, "fitness": fitness}

    def conclude(self, line: dict[str, float]) -> None:
        """Decide how long it still goes on."""
        recipe, history = self.recipe, self.outcome.history
        history.append(line)
        if recipe.seconds and len(history) >= PROBED:
            self.epochs = _affordable(history, recipe.seconds, self.epoch)
            self.model.args.epochs = self.epochs
        waited = self.epoch - self.outcome.best_epoch
        if recipe.patience and waited >= recipe.patience * recipe.measure_every:
            self.epochs = self.epoch

    def save(self, folder: Path) -> None:
        """Write a checkpoint of this moment."""
        rng = {"composer": self.generator.get_state(), "torch": torch.get_rng_state()}
        if self.on_gpu:
            rng["cuda"] = torch.cuda.get_rng_state(self.device)
        state.save(
            folder,
            self.epoch,
            {
                "model": self.model.state_dict(),
                "average": self.average.model.state_dict(),
                "rng": rng,
            },
            self.optimizer,
            {
                "of": self.of,
                "best": self.best,
                "best_epoch": self.outcome.best_epoch,
                "epochs": self.epochs,
                "updates": self.average.updates,
                "scaler": self.scaler.state_dict(),
                "criterion": _shares(self.criterion),
                "seconds": time.monotonic() - self.began,
            },
            self.outcome.best,
        )

    def go_on_from(self, folder: Path) -> None:
        """Take over the newest checkpoint; begin anew where there is none."""
        saved = state.newest(folder, self.of)
        if saved is None:
            return
        facts = saved.facts
        self.model.load_state_dict(saved.part("model"))
        self.average.model.load_state_dict(saved.part("average"))
        saved.restore_optimizer(self.optimizer)
        saved.restore_best(self.outcome.best)
        rng = saved.part("rng")
        self.generator.set_state(rng["composer"])
        torch.set_rng_state(rng["torch"])
        if self.on_gpu and "cuda" in rng:
            torch.cuda.set_rng_state(rng["cuda"], self.device)
        self.scaler.load_state_dict(facts["scaler"])
        for name, value in facts["criterion"].items():
            setattr(self.criterion, name, value)
        self.average.updates = facts["updates"]
        self.best, self.outcome.best_epoch = facts["best"], facts["best_epoch"]
        self.epoch, self.epochs = saved.epoch, facts["epochs"]
        self.began -= facts["seconds"]

    def _batches(self, plain: bool) -> Iterator[Batch]:
        order = torch.randperm(len(self.train), generator=self.generator)
        for start in range(0, len(order), self.recipe.batch):
            chosen = order[start : start + self.recipe.batch]
            if self.on_gpu and not self.recipe.deterministic:
                # The last batch is smaller: trying out kernels for it costs seconds, once.
                torch.backends.cudnn.benchmark = len(chosen) == self.recipe.batch
            yield self.composer.batch(chosen, plain)


def _prepare(on_gpu: bool, deterministic: bool) -> None:
    """Tell torch how exact and how repeatable it has to be."""
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    if on_gpu:
        torch.backends.cudnn.benchmark = not deterministic
        torch.backends.cudnn.benchmark_limit = TRIED
        torch.backends.cudnn.deterministic = deterministic
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True


def _shares(criterion: Any) -> dict[str, float]:
    """How a criterion of two heads weighs them by now."""
    return {
        name: getattr(criterion, name)
        for name in ("updates", "o2m", "o2o")
        if hasattr(criterion, name)
    }


def _affordable(history: list[dict[str, float]], seconds: float, epoch: int) -> int:
    """Epochs in all that fit into `seconds`, judged by the pace since the second epoch."""
    pace = (history[-1]["seconds"] - history[0]["seconds"]) / (len(history) - 1)
    left = seconds - history[-1]["seconds"]
    return max(epoch, epoch + int(left / max(pace, 1e-3)))


def _in_full(output: dict[str, Any]) -> dict[str, Any]:
    """The head's outputs as fp32, for the loss is computed in full precision.

    Of the feature maps it reads only the sides, so one channel of one picture is kept.
    """
    if "feats" not in output:
        return {name: _in_full(branch) for name, branch in output.items()}
    sides = [each[:1, :1].detach().float() for each in output["feats"]]
    return {"boxes": output["boxes"].float(), "scores": output["scores"].float(), "feats": sides}
