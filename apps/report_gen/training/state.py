"""What a run keeps between calls: networks, averages, optimizer, how far it is."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """A moving average of weights (Polyak and Juditsky, 1992); buffers are taken as they are."""

    def __init__(self, module: nn.Module, share: float) -> None:
        self.share, self.steps = share, 0
        self.weights = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take one step's weights in; the first steps count more, as there are few."""
        self.steps += 1
        share = min(self.share, (1 + self.steps) / (10 + self.steps))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[key].lerp_(value.detach(), 1 - share)
            else:
                self.weights[key].copy_(value)


@dataclass
class Progress:
    """How far a stage is: steps, samples, seconds, the next phantom's seed, steps not taken."""

    steps: int = 0
    samples: int = 0
    seconds: float = 0.0
    next_seed: int = 0
    skipped: int = 0
    done: bool = False


class Clock:
    """Seconds of this call and of the stage.

    What a call needs before its first step (phantoms, compiling) is no time of the stage, which
    makes up for it: at the call's end it is as far as if it had begun at once.
    """

    def __init__(self, before: float, call_seconds: float) -> None:
        self.began, self.before, self.call = time.perf_counter(), before, call_seconds
        self.first: float | None = None

    def here(self) -> float:
        """Seconds of this call."""
        return time.perf_counter() - self.began

    def learns(self) -> None:
        """From the first time on that this is called, the stage goes on."""
        if self.first is None:
            self.first = min(self.here(), 0.9 * self.call)

    def stage(self) -> float:
        """Seconds of the stage, earlier calls included."""
        if self.first is None:
            return self.before
        return self.before + (self.here() - self.first) * self.call / (self.call - self.first)

    def call_over(self) -> bool:
        """Whether this call has worked for its time."""
        return self.here() >= self.call


def keep(path: Path, **parts: Any) -> None:
    """Write a checkpoint so that a cut leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    torch.save(parts, fresh)
    fresh.replace(path)


def kept(path: Path, device: str) -> dict[str, Any] | None:
    """A checkpoint, if there is one; only tensors and plain values are read."""
    if not path.is_file():
        return None
    read: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return read


def copy_into(module: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """`module` with other weights."""
    module.load_state_dict(dict(weights))
    return module


def say(stage: str, **facts: object) -> None:
    """One line of progress."""
    words = " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in facts.items()
    )
    print(f"[{stage}] {words}", flush=True)


def rate_at(share: float, top: float, warm: float = 0.03) -> float:
    """A learning rate: up over the first `warm` of the run, then down along a cosine."""
    if share < warm:
        return top * (0.05 + 0.95 * share / warm)
    rest = min(1.0, (share - warm) / (1 - warm))
    return float(top * (0.01 + 0.99 * 0.5 * (1 + torch.cos(torch.tensor(rest * torch.pi)).item())))
