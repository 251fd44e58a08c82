"""What a benchmark is, and how its sides are measured."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import torch

Run = Callable[[], object]

#: Bytes written between two timed calls so that nothing of the last is left in a cache.
FLUSHED_BYTES = 256 * 2**20

#: How often the sides of a case take turns.
TURNS = 3


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What ours should reach: at most `milliseconds`, or `ratio` times the speed of `peer`."""

    milliseconds: float | None = None
    ratio: float | None = None
    peer: str | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement.

    Attributes:
        operation, label: what is measured, e.g. "add_norm", "8192×768 fp16".
        ours: one call.
        peers: other ways to the same answer, by name; None for one that cannot run here.
        check: raises AssertionError unless ours is right; run before any timing.
        bytes, flops: the least that must move and be computed, for the floor; 0 if it says nothing.
        units: what one call works on, e.g. images or events, for a rate; 0 if none.
        goals: all must hold.
        graph: on a GPU, time replays of a captured CUDA graph: no launch overhead.
        cold: on a GPU, empty the caches before each call.
        on_host: a call ends with its answer on the host: the host's clock says how long it took.
    """

    operation: str
    label: str
    ours: Run
    check: Run
    peers: dict[str, Run | None] = field(default_factory=dict)
    bytes: int = 0
    flops: int = 0
    units: int = 0
    goals: tuple[Goal, ...] = ()
    graph: bool = False
    cold: bool = True
    on_host: bool = False


class Cases(Protocol):
    """A benchmark file's ``cases``."""

    def __call__(self, device: torch.device, *, quick: bool) -> Iterator[Case]:
        """The cases that can run on `device`; `quick` asks for small ones."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds of one call: the median, and the tenth and ninetieth percentile."""

    median: float
    p10: float
    p90: float


def measure(
    sides: Mapping[str, Run], device: torch.device, *, graph: bool, cold: bool, seconds: float
) -> dict[str, Timing]:
    """Time each side for about `seconds`, at least five calls, after warming up.

    The sides take turns, `TURNS` each, so that what disturbs the machine disturbs all of them.
    """
    on_gpu = device.type == "cuda"
    ready = {name: captured(run) if on_gpu and graph else run for name, run in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for run in ready.values():
        run()
    for _ in range(TURNS):
        for name, run in ready.items():
            least = -(-5 // TURNS)
            if on_gpu:
                found = _on_gpu(run, device, cold=cold, seconds=seconds / TURNS, least=least)
            else:
                found = _on_cpu(run, seconds=seconds / TURNS, least=least)
            times[name] += found
    return {name: _timing(sorted(found)) for name, found in times.items()}


def _timing(times: list[float]) -> Timing:
    last = len(times) - 1
    return Timing(median=median(times), p10=times[last // 10], p90=times[last * 9 // 10])


def _on_cpu(run: Run, *, seconds: float, least: int) -> list[float]:
    gc.collect()
    times: list[float] = []
    until = time.perf_counter() + seconds
    while len(times) < least or (time.perf_counter() < until and len(times) < 1000):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def _on_gpu(
    run: Run, device: torch.device, *, cold: bool, seconds: float, least: int
) -> list[float]:
    flushed = torch.empty(FLUSHED_BYTES if cold else 1, dtype=torch.uint8, device=device)
    for _ in range(3):
        run()
    torch.cuda.synchronize(device)
    pairs: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
    until = time.perf_counter() + seconds
    while len(pairs) < least or (time.perf_counter() < until and len(pairs) < 1000):
        if cold:
            flushed.zero_()
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        pairs.append((start, end))
        if len(pairs) % 16 == 0:
            end.synchronize()
    torch.cuda.synchronize(device)
    return [start.elapsed_time(end) for start, end in pairs]


def captured(run: Run) -> Run:
    """`run` as replays of a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def copy_bandwidth(device: torch.device) -> float:
    """Bytes per second, read plus write, of a large copy on `device`: what a floor is made of."""
    nbytes = 2**30 if device.type == "cuda" else 2**27
    source = torch.zeros(nbytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    side = {"copy": lambda: target.copy_(source)}
    timing = measure(side, device, graph=False, cold=False, seconds=0.5)["copy"]
    return 2 * nbytes / (timing.median / 1e3)
