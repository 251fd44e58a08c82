"""A pool of phantoms on the device that trains: drawn from evenly, renewed all the time."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from apps.report_gen.findings import State
from apps.report_gen.phantoms.grid import Grid
from apps.report_gen.phantoms.phantom import make, some_wanted
from apps.report_gen.training.targets import Centre, Example, example, moved


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Examples side by side; see `Example`."""

    hu: Tensor
    regions: Tensor
    lobes: Tensor
    labels: Tensor
    states: Tensor
    sides: Tensor
    centres: list[tuple[Centre, ...]]
    examples: list[Example]
    steps: Tensor


ONE_IN = 6
"""Of so many phantoms one is never drawn from."""
MOST_SPARE = 160


class Pool:
    """At most `size` examples; the oldest goes when a new one comes.

    Some go into `spare` instead: from them alone verdicts are fitted (`training.settling`), as
    masks are surer where they were learned.
    """

    def __init__(self, grid: Grid, size: int, seed: int) -> None:
        self.grid, self.size = grid, size
        self.next_seed = seed
        self.examples: list[Example] = []
        self.spare: list[Example] = []
        self.made = 0
        self.taken = 0
        self.seconds = 0.0

    def add(self) -> None:
        """Make one more phantom."""
        if self.grid.device.startswith("cuda"):
            # So that what was asked of the device before does not count as making.
            torch.cuda.synchronize()
        began = time.perf_counter()
        self.take(example(make(self.next_seed, self.grid, some_wanted(self.next_seed))))
        self.next_seed += 1
        self.seconds += time.perf_counter() - began

    def take(self, made: Example) -> None:
        """Take in one that somebody else made."""
        self.made += 1
        if made.seed % ONE_IN == ONE_IN - 1 and self.examples:
            self.spare = [*self.spare[-(MOST_SPARE - 1) :], made]
            return
        if len(self.examples) < self.size:
            self.examples.append(made)
        else:
            self.examples[self.taken % self.size] = made
        self.taken += 1

    def draw(self, count: int, draw: np.random.Generator, shift: int) -> Batch:
        """`count` different examples, each moved by up to `shift` voxels."""
        chosen = draw.choice(len(self.examples), min(count, len(self.examples)), replace=False)
        steps = torch.from_numpy(2 * draw.integers(-shift // 2, shift // 2 + 1, (len(chosen), 3)))
        return batch([self.examples[each] for each in chosen], steps)


def batch(examples: list[Example], steps: Tensor | None = None) -> Batch:
    """Examples together; see `moved` for `steps`."""
    if steps is None:
        steps = torch.zeros(len(examples), 3, dtype=torch.long)
    hu, regions, lobes, centres = moved(
        torch.stack([each.hu for each in examples]),
        torch.stack([each.regions for each in examples]),
        torch.stack([each.lobes for each in examples]),
        [each.centres for each in examples],
        steps,
    )
    return Batch(
        hu=hu, regions=regions, lobes=lobes, labels=torch.stack([e.labels for e in examples]),
        states=torch.stack([e.states for e in examples]),
        sides=torch.stack([e.sides for e in examples]),
        centres=centres, examples=examples, steps=steps,
    )  # fmt: skip


def present(examples: list[Example]) -> np.ndarray:
    """bool [N, K]: what is there."""
    return np.array(
        [[state is State.PRESENT for state in each.truth.states().values()] for each in examples]
    )
