"""Phantoms that judge: of held-out seeds and patients, as scans of training or beyond them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path

from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make, some_wanted
from apps.report_gen.phantoms.wanted import HELD_OUT_SEEDS, Scan
from apps.report_gen.training.shelf import kept_example
from apps.report_gen.training.targets import Example, example

Change = Callable[[Scan], Scan]

SHIFTS: dict[str, Change] = {
    "spacing": lambda scan: replace(scan, thickness=6.0),
    "noise": lambda scan: replace(scan, noise=48.0),
    "tilt": lambda scan: replace(scan, tilt=(6.0, -4.0, 4.0)),
    "contrast": lambda scan: replace(scan, phase="arterial"),
    "kernel": lambda scan: replace(scan, sharp=1.6),
}
"""Scans beyond those of training, one thing changed at a time."""
VALIDATION, TEST, SHIFTED, PARITY = 0, 10_000, 20_000, 30_000
"""The first seed of each set, counted from `HELD_OUT_SEEDS`."""


def held_out(seed: int, grid: Grid, shift: str | None = None) -> Example:
    """A phantom that nothing was trained on: its seed and its nodules' patients are held out."""
    wanted = some_wanted(HELD_OUT_SEEDS + seed, held_out=True)
    if shift is not None:
        wanted = replace(wanted, scan=SHIFTS[shift](wanted.scan))
    return example(make(HELD_OUT_SEEDS + seed, grid, wanted))


def name_of(seed: int, shift: str | None = None) -> str:
    """What it is called on a shelf."""
    return f"held-out-{shift or 'plain'}-{seed:06d}"


@dataclass(frozen=True)
class Shelf:
    """Where held-out phantoms lie, and who is still making some."""

    folder: Path
    producers: Sequence[BaseProcess] = ()

    def has(self, name: str) -> bool:
        """Whether `name` lies there; waits while somebody may be making it."""
        path = self.folder / f"{name}.safetensors"
        while not path.exists():
            if not any(each.is_alive() for each in self.producers):
                return path.exists()
            time.sleep(0.05)
        return True


def held_out_set(
    shelf: Shelf, grid: Grid, first: int, count: int, shift: str | None = None
) -> Iterator[Example]:
    """Held-out phantoms one by one: from `shelf` where they lie there, else made."""
    for seed in range(first, first + count):
        name = name_of(seed, shift)
        path = shelf.folder / f"{name}.safetensors"
        if shelf.has(name):
            yield kept_example(path, grid.device)
        else:
            yield held_out(seed, grid, shift)
