"""Trainings: start one, follow its figures, cancel it, go on with it."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from loupe.api.shapes.trainings import (
    MetricsShape,
    TrainingDetail,
    TrainingOrder,
    TrainingPage,
    TrainingShape,
)
from loupe.client.errors import Unreachable
from loupe.client.pages import every
from loupe.client.transport import Transport

_RECONNECTS = 20
_OPEN = ("queued", "running")


class TrainingHandle:
    """One training or evaluation on the server."""

    def __init__(self, transport: Transport, detail: TrainingDetail) -> None:
        self._transport = transport
        self.detail = detail

    @property
    def id(self) -> uuid.UUID:
        """Its id."""
        return self.detail.id

    def refresh(self) -> TrainingDetail:
        """Ask the server how it stands, with all its figures and the end of its log."""
        self.detail = self._transport.get(f"trainings/{self.id}", TrainingDetail)
        return self.detail

    def metrics(self) -> Iterator[MetricsShape]:
        """Figures of each step as they come, until it ends. A step told twice, after a kill, comes
        twice: the later figures count."""
        with self._transport.stream(f"trainings/{self.id}/events") as response:
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name == "metrics":
                    yield MetricsShape.model_validate_json(line.removeprefix("data: "))

    def wait(
        self,
        metrics: Callable[[MetricsShape], None] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> TrainingDetail:
        """Return when it has ended, well or not: look at `state`.

        Args:
            metrics: called with the figures of each step; again from the start after a reconnect.

        Raises:
            TimeoutError: it has not ended in time; it goes on.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        for _ in range(_RECONNECTS):
            try:
                for told in self.metrics():
                    if metrics is not None:
                        metrics(told)
                    if until is not None and time.monotonic() > until:
                        break
            except Unreachable:
                time.sleep(0.5)
            if self.refresh().state not in _OPEN:
                return self.detail
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"Training {self.id} has not ended in {timeout_s} s.")
        raise Unreachable(f"The events of training {self.id} broke off {_RECONNECTS} times.")

    def cancel(self) -> TrainingDetail:
        """Stop it; its last checkpoint is kept."""
        self._transport.post(f"trainings/{self.id}/cancel", TrainingShape)
        return self.refresh()

    def resume(self) -> TrainingDetail:
        """Go on with a failed or cancelled one.

        Raises:
            Conflict: it waits, runs or is done.
        """
        self._transport.post(f"trainings/{self.id}/resume", TrainingShape)
        return self.refresh()


class Trainings:
    """The trainings and evaluations of the key's project."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, app: str = "", state: str = "") -> Iterator[TrainingShape]:
        """All of them, newest first."""
        for page in every(self._transport, "trainings", TrainingPage, app=app, state=state):
            yield from page.trainings

    def get(self, training_id: uuid.UUID | str) -> TrainingHandle:
        """One of them."""
        detail = self._transport.get(f"trainings/{training_id}", TrainingDetail)
        return TrainingHandle(self._transport, detail)

    def start(
        self,
        app: str,
        model: str,
        dataset: uuid.UUID | str,
        *,
        dataset_version: int | None = None,
        config: dict[str, Any] | None = None,
        base_model: str | None = None,
        base_version: int | None = None,
        seed: int = 0,
    ) -> TrainingHandle:
        """Queue a training.

        Raises:
            InvalidRequest: a value of the recipe is not allowed.
            NotFound: there is no such dataset version or base model.
        """
        order = TrainingOrder(
            app=app,
            model=model,
            dataset=uuid.UUID(str(dataset)),
            dataset_version=dataset_version,
            config=config or {},
            base_model=base_model,
            base_version=base_version,
            seed=seed,
        )
        made = self._transport.post("trainings", TrainingShape, order.model_dump(mode="json"))
        return self.get(made.id)
