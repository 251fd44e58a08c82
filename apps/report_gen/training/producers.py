"""Processes that make phantoms beside the training, so that it need not wait for them.

Drawing one takes a GPU some thousand small operations, which one process cannot ask for quickly
enough; a dozen processes can.
"""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make, some_wanted
from apps.report_gen.training.held_out import (
    PARITY,
    SHIFTED,
    SHIFTS,
    TEST,
    VALIDATION,
    held_out,
    name_of,
)
from apps.report_gen.training.recipe import Recipe
from apps.report_gen.training.shelf import keep_example
from apps.report_gen.training.targets import example

SHARE_OF_DEVICE = 0.05
"""Of its memory, for each process: some thirty volumes of the shipped model's grid."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One phantom to make: `shift` names one of `SHIFTS`, or nothing."""

    name: str
    seed: int
    held_out: bool = False
    shift: str | None = None


def training_tasks(first: int, count: int) -> list[Task]:
    """Phantoms to train on, from seed `first` on."""
    return [Task(name=f"{seed:012d}", seed=seed) for seed in range(first, first + count)]


def held_out_tasks(recipe: Recipe) -> list[Task]:
    """Every phantom that `judge` looks at."""
    sets: list[tuple[int, int, str | None]] = [
        (VALIDATION, recipe.validation, None),
        (TEST, recipe.test, None),
        *((SHIFTED, recipe.shifted, shift) for shift in SHIFTS),
        (PARITY, min(8, recipe.test), None),
    ]
    return [
        Task(name=name_of(seed, shift), seed=seed, held_out=True, shift=shift)
        for first, count, shift in sets
        for seed in range(first, first + count)
    ]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How quickly one process works.

    Attributes:
        until: it stops when the clock (`time.time`) says so.
        quick: so many phantoms are made one after another; `pause` seconds lie before each later
            one, so that the training keeps the device.
    """

    until: float
    quick: int
    pause: float = 0.0


def produce(folder: Path, tasks: Sequence[Task], grid: Grid, pace: Pace) -> None:
    """Make what is not in `folder` yet."""
    torch.set_num_threads(1)
    if grid.device.startswith("cuda"):
        torch.cuda.set_per_process_memory_fraction(SHARE_OF_DEVICE)
    for number, task in enumerate(tasks):
        if number >= pace.quick:
            time.sleep(pace.pause)
        if time.time() >= pace.until:
            return
        if (folder / f"{task.name}.safetensors").exists():
            continue
        if task.held_out:
            made = held_out(task.seed, grid, task.shift)
        else:
            made = example(make(task.seed, grid, some_wanted(task.seed)))
        keep_example(folder, task.name, made)


def start(
    folder: Path, tasks: Sequence[Task], grid: Grid, processes: int, pace: Pace
) -> list[BaseProcess]:
    """Begin making `tasks` in some processes; they end by themselves. `pace.quick` counts over
    all of them."""
    context = multiprocessing.get_context("spawn")
    begun: list[BaseProcess] = []
    for number in range(processes):
        own = tasks[number::processes]
        if own:
            each = Pace(
                until=pace.until,
                quick=-(-(pace.quick - number) // processes),
                pause=pace.pause * processes,
            )
            process = context.Process(
                target=produce,
                args=(folder, own, grid, each),
                daemon=True,
                name=f"phantoms-{number}",
            )
            process.start()
            begun.append(process)
    return begun
