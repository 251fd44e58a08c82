"""``python -m loupe.engine``: the engine as a process of its own."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from loupe.contract import discovery
from loupe.contract.app import DomainApp
from loupe.contract.runtime.errors import LoupeError
from loupe.engine.allocation.policy import read_policy
from loupe.engine.apps import Apps
from loupe.engine.core import EngineOptions
from loupe.engine.public.door import read_options
from loupe.engine.server import Server

COLLECT_AFTER = 50_000
"""So many new containers start a collection. A request has a thousand at once, all gone with it:
with Python's 700 each began one in the middle, what it still held was taken for old, and about
every second a collection of everything held all requests up for 0.1 to 0.2 s."""

SWITCH_S = 0.0005
"""After so long a thread that computes in Python hands on to one that waits for its turn. With
Python's 5 ms each step of a line request waited so long behind every job that was decoding or
packing, and took about twice as long beside four of them; the jobs are as quick as before."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m loupe.engine", description=__doc__)
    options.add_argument("--socket", type=Path, required=True, help="Unix socket to listen at")
    options.add_argument("--models", type=Path, required=True, help="model repository")
    options.add_argument("--state", type=Path, required=True, help="journals of live services")
    options.add_argument("--memory-bytes", type=int, default=4 * 2**30, help="for resident models")
    options.add_argument(
        "--policy", type=Path, help="devices, shares and pins, as JSON (docs/runtimes.md)"
    )
    options.add_argument(
        "--slab-bytes", type=int, default=2**30, help="shared memory, all together"
    )
    options.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="requests at once"
    )
    options.add_argument("--queue", type=int, default=64, help="requests that may wait")
    options.add_argument(
        "--sandbox-memory-bytes", type=int, default=2 * 2**30, help="memory one input may take"
    )
    options.add_argument(
        "--sandbox-timeout", type=float, default=60.0, help="seconds one input may take"
    )
    options.add_argument(
        "--public", metavar="HOST:PORT", help="also answer the Open Inference Protocol over TCP"
    )
    options.add_argument(
        "--public-tokens", type=Path, metavar="FILE", help="who may use it: one token a line"
    )
    options.add_argument(
        "--public-shared-memory",
        action="store_true",
        help="let its clients on this machine use their system shared memory",
    )
    options.add_argument(
        "--die-with-parent", action="store_true", help="stop when the process that started it ends"
    )
    return options


def main(argv: list[str], apps: Mapping[str, type[DomainApp]] | None = None) -> int:
    """Serve until SIGTERM; `apps` are the installed ones unless given."""
    options = parser().parse_args(argv)
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_S)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(options, Apps(discovery.declared() if apps is None else apps)))
    except LoupeError as error:
        logging.getLogger("loupe.engine").error("%s", error.message)
        return 1
    return 0


async def _serve(options: argparse.Namespace, apps: Apps) -> None:
    parent = os.getppid()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    options.models.mkdir(parents=True, exist_ok=True)
    options.state.mkdir(parents=True, exist_ok=True)
    server = Server(
        EngineOptions(
            models=options.models,
            state=options.state,
            memory_bytes=options.memory_bytes,
            policy=read_policy(options.policy) if options.policy else None,
            threads=options.threads,
            sandbox_memory_bytes=options.sandbox_memory_bytes,
            sandbox_timeout_s=options.sandbox_timeout,
        ),
        apps,
        options.socket,
        queue_limit=options.queue,
        slab_bytes=options.slab_bytes,
        public=read_options(
            options.public, options.public_tokens, shared_memory=options.public_shared_memory
        )
        if options.public
        else None,
    )
    try:
        await server.start()
        waits: list[asyncio.Task[Any]] = [loop.create_task(stop.wait())]
        if options.die_with_parent:
            waits.append(loop.create_task(_parent_gone(parent)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await server.stop()


async def _parent_gone(parent: int) -> None:
    """Return once the process that started this one has ended.

    PR_SET_PDEATHSIG would not do: it fires when the thread that started this process ends.
    """
    while os.getppid() == parent:
        await asyncio.sleep(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
