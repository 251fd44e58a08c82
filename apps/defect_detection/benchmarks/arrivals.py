"""Requests that arrive by chance, whether or not the server keeps up."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.lanes import Lane

LANES = (Lane.LINE, Lane.LINE, Lane.INTERACTIVE, Lane.BATCH)
"""Half of the requests are the line's, a quarter each pages' and jobs'."""

Call = Callable[[int, Lane], Awaitable[Mapping[str, float]]]
"""Makes request `number`; returns its stages in milliseconds, nothing where they are not told."""

SLOWEST = 0.01
"""The share of requests that `Step.slowest` looks at."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One request: milliseconds from its arrival to its answer, and by stage."""

    lane: Lane
    wall_ms: float
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    failed: str = ""

    @property
    def forward_ms(self) -> float:
        """The network's own time, 0 where it is not told."""
        return self.stages_ms.get("infer", 0.0)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What came of one rate of arrivals."""

    rate: float
    answers: Sequence[Answered]

    def p(self, share: float, lane: Lane | None = None) -> float:
        """A percentile of wall time, milliseconds; of all lanes or one."""
        walls = [each.wall_ms for each in self.answers if lane in (None, each.lane)]
        return float(np.percentile(walls, share)) if walls else float("nan")

    def added(self, share: float) -> float:
        """A percentile of what the line's requests took beyond their own forward."""
        added = [each.wall_ms - each.forward_ms for each in self.answers if each.lane is Lane.LINE]
        return float(np.percentile(added, share)) if added else float("nan")

    def forward(self, share: float) -> float:
        """A percentile of the line's own forward."""
        own = [each.forward_ms for each in self.answers if each.lane is Lane.LINE]
        return float(np.percentile(own, share)) if own else float("nan")

    def slowest(self) -> dict[str, float]:
        """Mean milliseconds by stage of the slowest answers; what no stage names is ``outside``."""
        told = [each for each in self.answers if each.stages_ms]
        worst = sorted(told, key=lambda each: each.wall_ms)[-max(1, round(SLOWEST * len(told))) :]
        sums: Counter[str] = Counter()
        for each in worst:
            named = sum(each.stages_ms.values())
            sums.update({**each.stages_ms, "outside": each.wall_ms - named})
        return {name: ms / len(worst) for name, ms in sums.items()}

    @property
    def failures(self) -> int:
        """Requests that were refused or broke."""
        return sum(bool(each.failed) for each in self.answers)

    def sustained(self, limit_ms: float) -> bool:
        """Whether 99 of 100 were answered within `limit_ms`, and hardly one failed."""
        return self.p(99) <= limit_ms and self.failures <= 0.01 * len(self.answers)


async def arrive(
    call: Call, rate: float, seconds: float, clients: int, lanes: Sequence[Lane] = LANES
) -> Step:
    """Let requests arrive at `rate` a second, by chance, for `seconds`.

    At most `clients` are under way; one that finds none free waits, and that counts.
    """
    chance = random.Random(17)  # noqa: S311 - the same arrivals for every side
    room = asyncio.Semaphore(clients)
    found: list[Answered] = []

    async def one(number: int, lane: Lane, due: float) -> None:
        stages_ms: Mapping[str, float] = {}
        failed = ""
        async with room:
            try:
                stages_ms = await call(number, lane)
            except LoupeError as error:
                failed = error.code
        wall_ms = (time.perf_counter() - due) * 1e3
        found.append(Answered(lane=lane, wall_ms=wall_ms, stages_ms=stages_ms, failed=failed))

    async with asyncio.TaskGroup() as group:
        start = time.perf_counter()
        due, number = start, 0
        while due < start + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(number, lanes[chance.randrange(len(lanes))], due))
            due += chance.expovariate(rate)
            number += 1
    return Step(rate=rate, answers=found)
