"""The full path, three times: in this process, through the engine's socket, over HTTP."""

import gc
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pyarrow as pa

from apps.fraud.assembling import assemble
from apps.fraud.benchmarks.score_stages import Batch, Stages
from apps.fraud.decide import decide_columns
from apps.fraud.events import ATTRIBUTE, ENTITY
from apps.fraud.inference.runner import ForestRunner
from apps.fraud.live.encoding import column
from apps.fraud.live.limits import DAY_MS
from apps.fraud.live.service import FraudService
from apps.fraud.schema import OperatingPoint, Rule
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.testing.engine import running_engine

SNAPSHOT_BYTES = 2**28
"""Of the journal, as the engine has it."""
ARROW = "application/vnd.apache.arrow.stream"
MODEL = "fraud.shared.bench"
HORIZON_DAYS = 140
"""In which the load's event time has as many payments as a bank of 40 a second has in 24 hours."""
RULES = (
    Rule(key="large", when="amount > 5000", outcome="review"),
    Rule(key="hurry", when="customer_count_1h > 8 and amount > 100", outcome="step_up"),
    Rule(key="crowd", when="device_distinct_7d >= 5 or listed_watch == 1", outcome="review"),
)
Path_ = Callable[[bytes], DecisionColumns | None]


def declared(days: int) -> JsonValue:
    """What a project declares that knows ids for so long; features stay as long in its log."""
    return {"policy": {"horizon_ms": days * DAY_MS}}


def sync(path: Path) -> None:
    """Have a file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class NoClock:
    """Wall times nobody asks for."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        yield


def read(body: bytes) -> dict[str, np.ndarray]:
    """An Arrow IPC stream as columns."""
    table = pa.ipc.open_stream(body).read_all()
    return {name: np.asarray(column(table[name])) for name in table.column_names}


class InProcess:
    """Journal, service, trees, rules and outcome without a socket between them."""

    def __init__(
        self, artefact: Path, manifest: dict[str, object], folder: Path,
        horizon_days: int = HORIZON_DAYS,
    ) -> None:  # fmt: skip
        self._context = declared(horizon_days)
        self.service = FraudService()
        self.runner = ForestRunner(artefact, manifest)
        self.point = OperatingPoint(rules=RULES)
        self._folder, self._snapshots, self._since = folder, 0, 0
        self._journal = self._new_journal()
        self._writer = threading.Lock()
        self._removing: list[threading.Thread] = []
        self.snapshots: list[dict[str, object]] = []
        self.stages = Stages()
        gc.collect()
        gc.freeze()  # as the engine does

    def __call__(self, body: bytes) -> DecisionColumns:
        """One batch, on the disk before it is answered; a snapshot at every 256 MiB.

        State has one writer; reading, trees and rules of one batch run beside those of others.
        """
        with self.stages.batch() as batch:
            meta: dict[str, JsonValue] = {"project": "bench", "context": self._context}
            request = Payload(arrays=read(body), meta=meta)
            batch.done("read")
            with self._writer:
                batch.done("wait")
                os.write(self._journal, body)
                os.fdatasync(self._journal)
                batch.done("sync")
                told = self.service.apply(request)
                batch.done("apply")
                self._since += len(body)
                if self._since > SNAPSHOT_BYTES:
                    settled = self.service.settled()
                    if settled or self._since > SNAPSHOT_BYTES * 1.25:
                        self.snapshots.append({"settled": settled, **self.snapshot()})
                        batch.done("snapshot")
            (scored,) = self.runner.infer([told], NoClock())
            batch.done("trees")
            decided = decide_columns(assemble(scored.over(told)), self.point)
            batch.done("decide")
        return decided

    def close(self) -> None:
        """End everything that reads or writes in the folder, which may be removed from then on."""
        self.service.close()
        for thread in self._removing:
            thread.join()
        os.close(self._journal)

    def _new_journal(self) -> int:
        journal = self._folder / "journal"
        journal.unlink(missing_ok=True)
        return os.open(journal, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def snapshot(self) -> dict[str, object]:
        """Write one, as the engine does.

        Returns:
            ``ms`` it took, ``rows_waiting`` for the disk when it began, and its stages, each with
            the numbers of `Stages`.
        """
        told = Batch()
        waiting = self.service.figures()["rows_waiting"]
        self._since, self._snapshots = 0, self._snapshots + 1
        folder = self._folder / f"snapshot-{self._snapshots}"
        folder.mkdir()
        self.service.snapshot(folder)
        told.done("state")
        with ThreadPoolExecutor(16) as threads:
            for _ in threads.map(sync, [path for path in folder.rglob("*") if path.is_file()]):
                pass
        for path in (*folder.rglob("*/"), folder):
            sync(path)
        told.done("synced")
        old, self._journal = self._journal, self._new_journal()
        before = self._folder / f"snapshot-{self._snapshots - 1}"
        self._removing = [
            threading.Thread(target=os.close, args=(old,)),
            threading.Thread(target=shutil.rmtree, args=(before,), kwargs={"ignore_errors": True}),
        ]
        for thread in self._removing:
            thread.start()
        told.done("old one removed")
        took = round((time.perf_counter() - told.began) * 1e3, 1)
        return {"ms": took, "rows_waiting": waiting, "stages": told.stages}


@contextmanager
def engine(models: Path, horizon_days: int = HORIZON_DAYS) -> Iterator[Path_]:
    """The same through ``python -m loupe.engine``: service and model in one call."""
    with running_engine(models) as client:
        model = SimpleNamespace(name=MODEL, version=1, options={})
        point = OperatingPoint(rules=RULES)

        def score(body: bytes) -> DecisionColumns:
            request = Payload(
                arrays=read(body),
                meta={"project": "bench", "session": "live", "context": declared(horizon_days)},
            )
            with client.apply(
                "fraud", uuid.uuid4().hex, request, deadline_ms=60_000,
                model=model,  # type: ignore[arg-type]
            ) as answer:  # fmt: skip
                return decide_columns(assemble(answer.payload), point)

        yield score


RENAMED = {"id": "id", "event_time": "time", "amount": "amount_minor", "currency": "currency"}
"""What REST calls the columns of events; those of entities and attributes go by their keys."""


class OverHttp:
    """The same over REST: an Arrow stream there and back."""

    def __init__(self, http: httpx.Client, project: str) -> None:
        self.http, self.project = http, project
        self._last = b""

    def __call__(self, body: bytes) -> None:
        """One batch.

        Raises:
            httpx.HTTPStatusError: Loupe refuses it.
        """
        answer = self.http.post(
            "/api/v1/fraud/score", params={"project": self.project}, content=as_rest(body),
            headers={"Content-Type": ARROW, "Accept": ARROW},
        )  # fmt: skip
        answer.raise_for_status()
        self._last = body

    def counted(self) -> float:
        """Wait until the entity index holds what was answered; seconds that took."""
        began = time.perf_counter()
        customer = read(self._last)["entity.customer"][0]
        address = f"/api/v1/fraud/entities/customer/{customer}"
        while True:
            told = self.http.get(address, params={"project": self.project})
            if told.status_code == 200 and not told.json()["behind"]:
                return round(time.perf_counter() - began, 1)
            time.sleep(0.5)


def as_rest(body: bytes) -> bytes:
    """A batch of events under the names that REST has; when it arrived is not the sender's."""
    table = pa.ipc.open_stream(body).read_all()
    names = {
        name: RENAMED.get(name) or name.partition(".")[2]
        for name in table.column_names
        if name in RENAMED or name.startswith((ENTITY, ATTRIBUTE))
    }
    table = table.select(list(names)).rename_columns(list(names.values()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    sent: bytes = sink.getvalue().to_pybytes()
    return sent
