"""One item in work: its child process and what is heard from it."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from loupe.blobs import services as blobs
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import Payload
from loupe.jobs.claims import Claim
from loupe.jobs.execution.item import guarded, options_of, queued_ms
from loupe.jobs.execution.outcomes import Block, Failed, Finished, Outcome, Postponed, Row
from loupe.jobs.execution.pipeline import concluded
from loupe.jobs.models import Item
from loupe.plugins import registry as apps
from loupe.sandbox.process import environment


def scratch_of(item: Item) -> Path:
    """The folder that survives a kill, so that the next attempt can go on where this one was."""
    return Path(settings.SCRATCH) / "items" / str(item.pk)


class Attended:
    """A claimed item whose child is running.

    Attributes:
        progress, note: the latest the child said of itself.
        heard_at: when it last said anything, on the monotonic clock.
        ending: its last message: ``done``, ``refused``, ``postponed``, ``cancelled``, ``broken``.
    """

    def __init__(self, claim: Claim) -> None:
        (item,) = claim.items
        self.claim = claim
        self.item = item
        self.app = apps.get(claim.job.app)
        self.progress = item.progress
        self.note = ""
        self.heard_at = time.monotonic()
        self.ending: dict[str, Any] | None = None
        self.cancelled_at: float | None = None
        self._started = time.perf_counter()
        self._messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._open = ExitStack()
        self.scratch = scratch_of(item)
        self.scratch.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise

    def _start(self) -> None:
        received = self.item.input
        if received is None or received.blob is None:
            raise LoupeError(f"Item {self.item.pk} has no stored input.", code="no_input")
        path = self._open.enter_context(blobs.open_local(received.blob))
        read, write = os.pipe()
        life_read, self._life = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "loupe.jobs.child", str(write), str(life_read)],
                stdin=subprocess.PIPE,
                pass_fds=(write, life_read),
                env={**environment(), **_passed_on(self.app.slug)},
            )
        except OSError:
            os.close(read)
            os.close(self._life)
            raise
        finally:
            os.close(write)
            os.close(life_read)
        threading.Thread(target=self._listen, args=(read,), daemon=True).start()
        point = self.claim.job.provenance.operating_point
        settings = self.app.operating_point_schema.model_validate(point.data if point else {})
        request = {
            "run": self.app.steps[0].run,
            "path": str(path),
            "options": options_of(self.app, received.kind, self.item.options, settings),
            "scratch": str(self.scratch),
        }
        self._tell(json.dumps(request).encode())

    def _listen(self, read: int) -> None:
        with os.fdopen(read, "rb") as reports:
            for line in reports:
                self._messages.put(json.loads(line))

    def _tell(self, line: bytes) -> None:
        """Write to the child; one that has died is noticed elsewhere."""
        pipe = self.process.stdin
        if pipe is None:
            return
        try:
            pipe.write(line + b"\n")
            pipe.flush()
        except BrokenPipeError:
            return

    def hear(self) -> bool:
        """Take in what the child has said; whether it said anything new."""
        said = False
        while True:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return said
            said = True
            self.heard_at = time.monotonic()
            if "progress" in message:
                self.progress = max(0.0, min(1.0, float(message["progress"])))
                self.note = str(message["note"])[:200]
            elif "metrics" not in message:
                self.ending = message

    @property
    def running(self) -> bool:
        """Whether the child lives and has not told its ending yet."""
        return self.ending is None and self.process.poll() is None

    def cancel(self) -> None:
        """Ask the work to stop; `kill` follows when it does not listen."""
        if self.cancelled_at is None:
            self.cancelled_at = time.monotonic()
            self._tell(b"cancel")

    def kill(self) -> None:
        """End the child now."""
        self.process.kill()

    def close(self) -> None:
        """Wait for the child's end and let go of its input."""
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._life)
        self._open.close()

    def finished(self) -> Finished | None:
        """What came of the item; None: the child died without a word."""
        ending = self.ending
        if ending is None:
            return None
        clock = StageClock()
        clock.times_ms["queue"] = queued_ms(self.claim, self.item)
        clock.times_ms[self.app.steps[0].name] = (time.perf_counter() - self._started) * 1e3
        return Finished(
            claim=self.claim,
            item=self.item,
            outcome=self._outcome(ending, clock),
            times_ms=clock.times_ms,
        )

    def _outcome(self, ending: dict[str, Any], clock: StageClock) -> Outcome:
        name = self.item.input.name if self.item.input else f"Item {self.item.pk}"
        if "postponed" in ending:
            return Postponed(code=str(ending["code"]), message=str(ending["message"]))
        if "refused" in ending:
            return Failed(code=str(ending["code"]), message=str(ending["message"]))
        if "broken" in ending or "cancelled" in ending:
            why = ending.get("broken", "it said that it was cancelled")
            return Failed(
                code="app_error",
                message=f"{name} could not be worked on: {why}. "
                "This is a fault of the app; its log has the details.",
            )
        point = self.claim.job.provenance.operating_point
        said = self.claim.job.submission.facts

        def compute() -> Row | Block:
            payload = self._payload(ending).about(name, said)
            return concluded(self.app, payload, point, clock)

        return guarded(self.item, compute)

    def _payload(self, ending: dict[str, Any]) -> Payload:
        arrays = {
            str(name): np.load(self.scratch / Path(str(file)).name, allow_pickle=False)
            for name, file in ending["arrays"].items()
        }
        return Payload(arrays=arrays, meta=ending["meta"])


def _passed_on(slug: str) -> dict[str, str]:
    """An app's own variables, ``<SLUG>_…``, reach its long work; no others do."""
    prefix = f"{slug.upper()}_"
    return {name: value for name, value in os.environ.items() if name.startswith(prefix)}
