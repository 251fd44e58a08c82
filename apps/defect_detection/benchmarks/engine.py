"""``manage.py bench engine``: the engine's lanes under load, against a plain server.

First the sweep: 64 clients, one frame each, lanes mixed, requests arriving by chance at the same
rates at the engine and at a FastAPI server around Ultralytics `predict` (one process, one model, a
lock). Both decode JPEGs of 640² and answer boxes over a Unix socket; the boxes are compared first.

Then the line alone, and the line while jobs saturate the engine, a long study computes and a
training runs: what its requests take beyond their own forward.

``python -m apps.defect_detection.benchmarks.engine`` is the same without Django.
"""

import argparse
import asyncio
import gc
import logging
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from apps.defect_detection.benchmarks.agreement import compare
from apps.defect_detection.benchmarks.arrivals import Call, Step, arrive
from apps.defect_detection.benchmarks.engine_jobs import MODEL, boxes, jobs
from apps.defect_detection.benchmarks.engine_load import study_and_training
from apps.defect_detection.benchmarks.frames import write_frames
from apps.defect_detection.benchmarks.runtimes import ARTEFACT
from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.contract.runtime.lanes import Lane
from loupe.testing.engine import AsyncEngineClient, installed, many_calls, running_engine

CLIENTS = 64
FRAMES = 24
JOBS = 8
GOAL_RATIO, GOAL_ADDED_MS = 10.0, 15.0
START_SECONDS = 300
TRAINING_SECONDS = 600


def main(argv: list[str]) -> int:
    """Measure and print; 0 when both goals hold."""
    parser = argparse.ArgumentParser(prog="manage.py bench engine")
    parser.add_argument("--rates", default="2,4,6,8,10,12,15,18,21,25", help="requests a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each rate lasts")
    parser.add_argument("--p99-ms", type=float, default=500.0, help="the p99 both are held to")
    parser.add_argument("--line-rate", type=float, default=3.0, help="the line's frames a second")
    parser.add_argument("--line-seconds", type=float, default=40.0)
    parser.add_argument("--peer", default="torch", choices=("torch", "openvino"))
    options = parser.parse_args(argv)
    rates = [float(rate) for rate in options.rates.split(",")]
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with TemporaryDirectory(prefix="loupe-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        frames = write_frames(folder / "frames", FRAMES)
        installed(ARTEFACT, folder / "models", MODEL)
        engine = stack.enter_context(running_engine(models=folder / "models"))
        with plain_server(options.peer, folder / "peer.sock") as peer:
            ratio = asyncio.run(sweep(engine.socket, peer, frames, rates, options))
        added = asyncio.run(line(engine.socket, frames, folder, options))
    return int(ratio < GOAL_RATIO or added > GOAL_ADDED_MS)


@contextmanager
def plain_server(kind: str, socket: Path) -> Iterator[Path]:
    """The peer as a process of its own, loaded and warm."""
    command = [sys.executable, "-m", "apps.defect_detection.benchmarks.engine_peer", kind]
    process = subprocess.Popen([*command, str(ARTEFACT), str(socket)])
    try:
        until = time.monotonic() + START_SECONDS
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))) as client:
            while True:
                try:
                    client.get("http://peer/ready")
                    break
                except httpx.TransportError as error:
                    if process.poll() is not None or time.monotonic() > until:
                        raise RuntimeError("The plain server did not start.") from error
                    time.sleep(0.2)
        yield socket
    finally:
        process.terminate()
        process.wait(timeout=20)


def of_engine(client: AsyncEngineClient, frames: Sequence[Path]) -> Call:
    """Calls of the engine; each answer tells its stages."""

    async def call(number: int, lane: Lane) -> Mapping[str, float]:
        answer = await boxes(client, frames[number % len(frames)], lane)
        return dict(answer.times_ms)

    return call


def of_peer(client: httpx.AsyncClient, frames: Sequence[Path]) -> Call:
    """Calls of the plain server, which knows no lanes."""
    bodies = [path.read_bytes() for path in frames]

    async def call(number: int, lane: Lane) -> Mapping[str, float]:
        await _asked(client, bodies[number % len(bodies)])
        return {}

    return call


async def _asked(client: httpx.AsyncClient, body: bytes) -> Any:
    headers = {"Content-Type": "image/jpeg"}
    try:
        answer = await client.post("http://peer/predict", content=body, headers=headers)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise TemporarilyUnavailable(f"The plain server failed: {error}.") from error
    return answer.json()["boxes"]


async def sweep(
    socket: Path, peer: Path, frames: Sequence[Path], rates: Sequence[float], options: Any
) -> float:
    """Both sides at every rate; returns the ratio of the highest ones sustained."""
    ours = many_calls(socket, CLIENTS)
    transport = httpx.AsyncHTTPTransport(
        uds=str(peer), limits=httpx.Limits(max_connections=CLIENTS)
    )
    async with httpx.AsyncClient(transport=transport, timeout=120) as theirs:
        await _same_boxes(ours, theirs, frames)
        sides = {"engine": of_engine(ours, frames), "plain": of_peer(theirs, frames)}
        await _warm(ours, frames)
        gc.collect()
        gc.freeze()  # the clients' own collections are not what is measured
        best = dict.fromkeys(sides, 0.0)
        print(f"\n{CLIENTS} clients, lanes mixed, arrivals by chance, milliseconds\n")
        print(f"{'rate':>6}{'side':>9}{'p50':>9}{'p99':>9}{'line p99':>10}{'failed':>8}")
        going = set(sides)
        for rate in rates:
            for side, call in sides.items():
                if side not in going:
                    continue
                step = await arrive(call, rate, options.seconds, CLIENTS)
                _row(side, step)
                if step.sustained(options.p99_ms):
                    best[side] = rate
                elif step.p(50) > options.p99_ms:
                    going.remove(side)
    await ours.close()
    ratio = best["engine"] / best["plain"] if best["plain"] else float("inf")
    print(
        f"\nhighest rate at p99 ≤ {options.p99_ms:g} ms: engine {best['engine']:g}/s, plain "
        f"{best['plain']:g}/s, ratio {ratio:.2f} (goal on an H100: {GOAL_RATIO:g})"
    )
    return ratio


async def _warm(client: AsyncEngineClient, frames: Sequence[Path]) -> None:
    """Let requests overlap: what a lane, and a batch of a size, computes with is compiled or
    recorded when it is first used; the largest batches first, since memory grows with them."""
    for count in (CLIENTS, CLIENTS, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1):
        await asyncio.gather(*(boxes(client, frames[0], Lane.LINE) for _ in range(count)))
    await asyncio.gather(*(boxes(client, frames[0], lane) for lane in Lane for _ in range(2)))


def _row(side: str, step: Step) -> None:
    print(
        f"{step.rate:6g}{side:>9}{step.p(50):9.1f}{step.p(99):9.1f}{step.p(99, Lane.LINE):10.1f}"
        f"{step.failures:8d}",
        flush=True,
    )
    _slowest(step)


def _slowest(step: Step) -> None:
    """Where the slowest hundredth spent its time, stages from half a millisecond on."""
    parts = [f"{name} {ms:.1f}" for name, ms in step.slowest().items() if ms >= 0.5]
    if parts:
        print(f"{'':15}slowest by stage: {', '.join(parts)}", flush=True)


async def _same_boxes(
    ours: AsyncEngineClient, theirs: httpx.AsyncClient, frames: Sequence[Path]
) -> None:
    """Compare both sides' boxes.

    Raises:
        RuntimeError: they differ; what follows would compare different work.
    """
    found, reference = {}, {}
    for path in frames:
        answer = (await boxes(ours, path, Lane.INTERACTIVE)).payload
        classes = list(answer.meta["classes"])
        rows = answer.arrays["boxes"].tolist()
        found[path.name] = [[*row[:5], classes[int(row[5])]] for row in rows]
        reference[path.name] = await _asked(theirs, path.read_bytes())
    agreed = compare(reference, found, 0.3)
    print(
        f"{agreed.boxes} boxes of {agreed.frames} frames; frames that differ: "
        f"{agreed.frames_differing}, lowest IoU {agreed.lowest_iou:.4f}"
    )
    if agreed.frames_differing > 0.1 * agreed.frames or not agreed.boxes:
        raise RuntimeError("The two sides do not find the same boxes.")


async def line(socket: Path, frames: Sequence[Path], folder: Path, options: Any) -> float:
    """The line alone and under everything; the 99th percentile of what it adds to its forward."""
    client = many_calls(socket, CLIENTS)
    call = of_engine(client, frames)
    print(f"\nthe line at {options.line_rate:g}/s, milliseconds\n")
    print(
        f"{'':44}{'wall p50':>9}{'p99':>8}{'forward p50':>13}{'p99':>8}{'added p50':>11}{'p99':>8}"
    )
    lanes = (Lane.LINE,)
    alone = await arrive(call, options.line_rate, options.line_seconds / 2, CLIENTS, lanes)
    _line_row("alone", alone)
    with jobs(socket, frames, JOBS):
        await _under_way(client)
        busy = await arrive(call, options.line_rate, options.line_seconds / 2, CLIENTS, lanes)
        _line_row(f"with {JOBS} jobs that never pause", busy)
    # A training gets what the others leave: it would not come to its first step beside the jobs.
    with study_and_training(socket, folder) as (log, training):
        await _trains(log, training)
        with jobs(socket, frames, JOBS):
            done = await _under_way(client)
            start = time.perf_counter()
            everything = await arrive(call, options.line_rate, options.line_seconds, CLIENTS, lanes)
            rate = (await _statistics(client) - done) / (time.perf_counter() - start)
        _line_row("with jobs, a long study and a training", everything)
        said = [text for text in log.read_text().splitlines() if "yielded" in text]
    await client.close()
    print(f"\njobs meanwhile: {rate:.1f} frames/s; the training's log: {(said or ['-'])[-1]}")
    added = everything.added(99)
    print(f"added by everything at p99: {added:.1f} ms (goal: {GOAL_ADDED_MS:g})")
    return added


async def _trains(log: Path, training: subprocess.Popen[bytes]) -> None:
    """Wait until the training has read its pictures and makes steps."""
    until = time.monotonic() + TRAINING_SECONDS
    while "views an epoch" not in log.read_text():
        if training.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"The training did not begin: {log.read_text()[-1000:]}")
        await asyncio.sleep(0.5)


def _line_row(name: str, step: Step) -> None:
    print(
        f"{name:44}{step.p(50):9.1f}{step.p(99):8.1f}{step.forward(50):13.1f}"
        f"{step.forward(99):8.1f}{step.added(50):11.1f}{step.added(99):8.1f}",
        flush=True,
    )
    _slowest(step)


async def _under_way(client: AsyncEngineClient) -> int:
    """Wait until jobs have been answered; frames that they have had inferred."""
    before = await _statistics(client)
    until = time.monotonic() + START_SECONDS
    while (done := await _statistics(client)) < before + JOBS:
        if time.monotonic() > until:
            raise RuntimeError("The jobs did not begin.")
        await asyncio.sleep(0.1)
    return done


async def _statistics(client: AsyncEngineClient) -> int:
    """Frames that jobs have had inferred."""
    calls = (await client.statistics())["calls"]
    return int(calls[f"model {MODEL} 1"]["lanes"].get(Lane.BATCH, 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
