"""The training loop: composed batches in, the best and the last weights out.

Pictures stay on the device, so a step waits for nothing but the GPU. What is measured after an
epoch is the moving average, on the validation split, by `average_precision`.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from apps.defect_detection.inference import architectures
from apps.defect_detection.training.augment import Batch, Composer
from apps.defect_detection.training.average_precision import measure
from apps.defect_detection.training.optimizer import MovingAverage, build_optimizer, set_rates
from apps.defect_detection.training.pictures import Pictures
from apps.defect_detection.training.predict import predict, truth
from apps.defect_detection.training.recipe import Recipe

CLIP = 10.0  # largest norm of the gradient
MAP50_SHARE = 0.5  # of the fitness; the rest is mAP50-95
PROBED = 3  # epochs after which a run bound by time knows how many fit


@dataclass(kw_only=True)
class Outcome:
    """What came of a training. `history` has one line of figures per measured epoch."""

    best: Path
    last: Path
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0


def fit(
    train: Pictures,
    val: Pictures,
    names: tuple[str, ...],
    recipe: Recipe,
    seed: int,
    out: Path,
    device: torch.device,
    report: Callable[[dict[str, float]], None] = lambda line: None,
) -> Outcome:
    """Train from scratch; write ``best.safetensors`` and ``last.safetensors`` (fp16) below `out`.

    Args:
        report: called with each line of the history as it comes.
    """
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = architectures.build(recipe.architecture, len(names))
    model.names = dict(enumerate(names))
    model.args = SimpleNamespace(
        box=recipe.box, cls=recipe.classes, dfl=recipe.dfl, epochs=recipe.epochs
    )
    model = model.to(device)
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        model = model.to(memory_format=torch.channels_last)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".dfl" not in name
    criterion = model.init_criterion()
    average = MovingAverage(model, recipe.ema_decay, recipe.ema_tau)
    optimizer = build_optimizer(model, recipe)
    scaler = torch.amp.GradScaler(device.type, enabled=on_gpu)
    run: Any = torch.compile(model, mode=recipe.compile, dynamic=False) if recipe.compile else model
    generator = torch.Generator().manual_seed(seed)
    composer = Composer(train, recipe, device, generator)
    expected = truth(val)
    outcome = Outcome(best=out / "best.safetensors", last=out / "last.safetensors")
    best, epochs, epoch = -1.0, recipe.epochs, 0
    steps = max(1, math.ceil(len(train) / recipe.batch))
    warm_steps = max(1.0, recipe.warmup_epochs * steps)
    if recipe.seconds:
        epochs = 10**6
    while epoch < epochs:
        started = time.monotonic()
        model.train()
        plain = epoch >= math.floor(epochs * (1 - recipe.plain_end)) and epochs < 10**6
        losses = torch.zeros(3, device=device)
        for step, batch in enumerate(_batches(composer, len(train), recipe.batch, plain)):
            done = epoch * steps + step
            share = epoch / epochs
            set_rates(optimizer, recipe, share, done / warm_steps)
            with torch.autocast(device.type, torch.float16, enabled=on_gpu):
                output = run(batch.images)
            parts, shown = criterion(
                _in_full(output),
                {"batch_idx": batch.batch_idx, "cls": batch.cls, "bboxes": batch.bboxes},
            )
            scaler.scale(parts.sum()).backward()
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
            average.update()
            losses += torch.stack([each.float() for each in shown.values()]) / steps
        if hasattr(criterion, "update"):
            criterion.update()
        epoch += 1
        line = dict(zip(shown, losses.tolist(), strict=True))
        trained = time.monotonic()
        final = epoch >= epochs
        if epoch % recipe.measure_every == 0 or final:
            found = predict(average.model, val, device)
            result = measure(found, expected, len(names))
            fitness = MAP50_SHARE * result.map50 + (1 - MAP50_SHARE) * result.map50_95
            line |= {"map50": result.map50, "map50_95": result.map50_95, "fitness": fitness}
            if fitness > best:
                best, outcome.best_epoch = fitness, epoch
                architectures.save(average.model, outcome.best)
        line |= {
            "epoch": epoch,
            "rate": optimizer.param_groups[0]["lr"],
            "pictures_per_s": round(len(train) / (trained - started), 1),
            "measure_s": round(time.monotonic() - trained, 2),
            "seconds": round(time.monotonic() - began, 1),
        }
        outcome.history.append(line)
        report(line)
        if recipe.seconds and epoch >= PROBED:
            epochs = _affordable(outcome.history, recipe.seconds, epoch)
            model.args.epochs = epochs
        if recipe.patience and epoch - outcome.best_epoch >= recipe.patience * recipe.measure_every:
            break
    architectures.save(average.model, outcome.last)
    outcome.epochs, outcome.seconds = epoch, time.monotonic() - began
    return outcome


def _affordable(history: list[dict[str, float]], seconds: float, epoch: int) -> int:
    """Epochs in all that fit into `seconds`, judged by the pace since the second epoch."""
    pace = (history[-1]["seconds"] - history[0]["seconds"]) / (len(history) - 1)
    left = seconds - history[-1]["seconds"]
    return max(epoch, epoch + int(left / max(pace, 1e-3)))


def _batches(composer: Composer, count: int, batch: int, plain: bool) -> Iterator[Batch]:
    order = torch.randperm(count, generator=composer.generator)
    for start in range(0, count, batch):
        yield composer.batch(order[start : start + batch], plain)


def _in_full(output: dict[str, Any]) -> dict[str, Any]:
    """The head's outputs as fp32, for the loss is computed in full precision.

    Of the feature maps it reads only the sides, so one channel of one picture is kept.
    """
    if "feats" not in output:
        return {name: _in_full(branch) for name, branch in output.items()}
    sides = [each[:1, :1].detach().float() for each in output["feats"]]
    return {"boxes": output["boxes"].float(), "scores": output["scores"].float(), "feats": sides}
