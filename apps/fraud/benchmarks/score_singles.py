"""One payment a request over HTTP, arriving by chance at a rate, whether or not Loupe keeps up.

Times run from the moment a request was due, so one that waits for a free connection is slow, not
left out. The client is a few lines over sockets: on two cores a full client would be measured too.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import numpy as np

from apps.fraud.benchmarks.score_load import Load

CONNECTIONS = 64
END = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Singles:
    """How requests of one payment each did; milliseconds.

    Attributes:
        held_back: answers with an outcome other than approve, which carry reasons.
        stages_ms: medians of the answers' own stage times.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    requests: int
    held_back: int
    answer_bytes: int
    stages_ms: dict[str, float]


def measured(http: httpx.Client, project: str, load: Load, rate: float, seconds: float) -> Singles:
    """Send payments at `rate` a second for `seconds`.

    Raises:
        RuntimeError: an answer is no 200, or has no outcome.
    """
    host, port = http.base_url.host, http.base_url.port
    head = (
        f"POST /api/v1/fraud/score?project={project} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: {http.headers['Authorization']}\r\n"
        "Content-Type: application/json\r\n"
    )
    walls, answers, took = asyncio.run(
        _arrive(host, port or 80, _requests(head, load), rate, seconds)
    )
    times = np.array(walls) * 1e3
    told = [json.loads(body) for body in answers]
    outcomes = [row["decision"]["outcome"] for answer in told for row in answer["rows"]]
    names = sorted({name for answer in told for name in answer["times_ms"]})
    return Singles(
        per_second=round(len(walls) / took, 1),
        p50_ms=round(float(np.median(times)), 2),
        p99_ms=round(float(np.quantile(times, 0.99)), 2),
        worst_ms=round(float(times.max()), 2),
        requests=len(walls),
        held_back=sum(outcome != "approve" for outcome in outcomes),
        answer_bytes=round(float(np.mean([len(body) for body in answers]))),
        stages_ms={
            name: round(float(np.median([one["times_ms"].get(name, 0.0) for one in told])), 2)
            for name in names
        },
    )


def _requests(head: str, load: Load) -> Iterator[bytes]:
    """One payment after the other, each as a whole request; happening now."""
    while True:
        columns = {name: column.tolist() for name, column in load.columns().items()}
        for n in range(load.rows):
            row = {
                "id": f"one-{columns['id'][n]}",
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "amount_minor": columns["amount"][n],
                "currency": columns["currency"][n],
            }
            for name, values in columns.items():
                kind, _, key = name.partition(".")
                if kind in ("entity", "attribute"):
                    row[key] = values[n]
            body = json.dumps(row)
            yield f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def _arrive(
    host: str, port: int, requests: Iterator[bytes], rate: float, seconds: float
) -> tuple[list[float], list[bytes], float]:
    """Seconds from due to answered, and bodies, of every request; and how long it all took."""
    chance = random.Random(17)  # noqa: S311 - the same arrivals every time
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    lines = [await asyncio.open_connection(host, port) for _ in range(CONNECTIONS)]
    for line in lines:
        free.put_nowait(line)
    walls: list[float] = []
    answers: list[bytes] = []

    async def one(request: bytes, due: float) -> None:
        reader, writer = await free.get()
        writer.write(request)
        head = await reader.readuntil(END)
        body = await reader.readexactly(_length(head))
        walls.append(time.perf_counter() - due)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head[:60]!r}: {body[:500]!r}")
        answers.append(body)
        free.put_nowait((reader, writer))

    begun = due = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while due < begun + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(next(requests), due))
            due += chance.expovariate(rate)
    took = time.perf_counter() - begun
    for _, writer in lines:
        writer.close()
    return walls, answers, took


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise RuntimeError(f"The answer does not say how long it is: {head[:500]!r}")
