"""A job as an object: wait for it, read its results, cancel, resume or retry it."""

import time
import uuid
from collections.abc import Callable, Iterator

from loupe.api.shapes.results import ResultPage, ResultShape
from loupe.api.shapes.work import (
    ItemPage,
    ItemShape,
    JobDetail,
    ProgressShape,
    RetryAnswer,
)
from loupe.client.errors import Unreachable
from loupe.client.pages import every
from loupe.client.transport import Transport

_RECONNECTS = 20


class JobFailed(Exception):
    """Items of a job failed; `progress` has the reasons."""

    def __init__(self, progress: ProgressShape) -> None:
        reasons = "; ".join(
            f"{each.count} × {each.code} (e.g. {each.name}: {each.example})"
            for each in progress.failures
        )
        super().__init__(
            f"{progress.failed} of {progress.total} items of job {progress.job_id} failed: "
            f"{reasons}"
        )
        self.progress = progress


class JobHandle:
    """One job on the server."""

    def __init__(self, transport: Transport, job: JobDetail) -> None:
        self._transport = transport
        self.detail = job

    @property
    def id(self) -> uuid.UUID:
        """The job's id."""
        return self.detail.id

    def refresh(self) -> JobDetail:
        """Ask the server how the job stands."""
        self.detail = self._transport.get(f"jobs/{self.id}", JobDetail)
        return self.detail

    def events(self) -> Iterator[ProgressShape]:
        """Progress as it happens, until the job ends."""
        with self._transport.stream(f"jobs/{self.id}/events") as response:
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name == "progress":
                    yield ProgressShape.model_validate_json(line.removeprefix("data: "))

    def wait(
        self,
        progress: Callable[[ProgressShape], None] | None = None,
        *,
        timeout_s: float | None = None,
        check: bool = False,
    ) -> JobDetail:
        """Return when the job has ended, whatever became of its items.

        Args:
            progress: called with every change; also after a reconnect.
            check: raise `JobFailed` if any item failed.

        Raises:
            TimeoutError: it has not ended in time; it goes on.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for _ in range(_RECONNECTS):
            try:
                for found in self.events():
                    if progress is not None:
                        progress(found)
                    if until is not None and time.monotonic() > until and not found.ended:
                        raise TimeoutError(f"Job {self.id} has not ended in {timeout_s} s.")
            except Unreachable:
                time.sleep(0.5)
            if self.refresh().progress.ended:
                break
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"Job {self.id} has not ended in {timeout_s} s.")
        else:
            raise Unreachable(f"The progress of job {self.id} broke off {_RECONNECTS} times.")
        if check and self.detail.progress.failed:
            raise JobFailed(self.detail.progress)
        return self.detail

    def results(self, *, outcome: str = "", label: str = "") -> Iterator[ResultShape]:
        """The job's results, newest first."""
        pages = every(
            self._transport,
            "results",
            ResultPage,
            app=self.detail.app,
            job=str(self.id),
            outcome=outcome,
            label=label,
        )
        for page in pages:
            yield from page.results

    def items(self, *, state: str = "") -> Iterator[ItemShape]:
        """The job's items in their order."""
        for page in every(self._transport, f"jobs/{self.id}/items", ItemPage, state=state):
            yield from page.items

    def cancel(self) -> JobDetail:
        """Stop the job; results that exist are kept."""
        self.detail = self._transport.post(f"jobs/{self.id}/cancel", JobDetail)
        return self.detail

    def resume(self) -> int:
        """Go on with a cancelled job; returns how many items wait now.

        Raises:
            Conflict: no item of it was cancelled.
        """
        return self._transport.post(f"jobs/{self.id}/resume", RetryAnswer).queued

    def retry(self, *, codes: list[str] | None = None) -> int:
        """Try failed items again; returns how many wait now."""
        body = {"codes": codes or []}
        return self._transport.post(f"jobs/{self.id}/retry", RetryAnswer, body).queued
