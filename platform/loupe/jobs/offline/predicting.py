"""Predicts files in this process, two at a time, and keeps their order; `tables` does those whose
results are columns."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings

from loupe.contract.app import DomainApp
from loupe.contract.receiving import Gather, GatheredItem, NotTaken
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused, LoupeError
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Place, load
from loupe.engine.local import LocalEngine
from loupe.intake.collecting import Taken
from loupe.intake.errors import Refusal
from loupe.intake.sources import Source
from loupe.jobs.execution.item import options_of
from loupe.jobs.offline import finding
from loupe.jobs.offline.bad_rows import Line
from loupe.jobs.offline.choosing import Choice
from loupe.jobs.offline.tables import Tables
from loupe.sandbox.pool import SandboxPool

THREADS = 2
"""One file is decoded while another is inferred."""
AHEAD = 2 * THREADS


class NeedsService(LoupeError):
    """The app takes no files or works for minutes: it cannot be run from the command line."""

    code = "needs_service"


class Predictor:
    """One app with one model, ready to predict. A context manager."""

    def __init__(
        self, app: type[DomainApp], choice: Choice, facts: Mapping[str, str] | None = None
    ) -> None:
        if app.steps[0].place is not Place.SANDBOX:
            raise NeedsService(
                f"{app.name} takes no files or works for minutes on one input: start Loupe with "
                "`manage.py up` and send it there."
            )
        self._app = app
        self._choice = choice
        point = choice.point.data if choice.point else {}
        self._point = app.operating_point_schema.model_validate(point)
        self._engine = (
            LocalEngine(
                settings.MODEL_REPOSITORY,
                threads=THREADS,
                sandbox_memory_bytes=settings.SANDBOX_MEMORY_BYTES,
            )
            if len(app.steps) > 1
            else None
        )
        self._sandbox = SandboxPool(THREADS, settings.SANDBOX_MEMORY_BYTES)
        self._tables = (
            Tables(app, choice, self._point, self._sandbox, self._engine, facts or {})
            if app.result_form == "columns"
            else None
        )

    def __enter__(self) -> "Predictor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sandbox.close()
        if self._engine is not None:
            self._engine.close()

    def lines(self, paths: Sequence[str]) -> Iterator[Line]:
        """One JSON-able line per input, in order, or per row of it where the app's results are
        columns; an input that cannot be used has ``error``."""
        if self._app.gather is not None:
            yield from self._gathered(paths)
            return
        with ThreadPoolExecutor(THREADS) as threads:
            for group in finding.groups(paths):
                try:
                    with finding.opened(self._app, group) as collection:
                        yield from (_refused(refusal) for refusal in collection.refused)
                        yield from self._in_order(threads, collection.taken)
                except InputRefused as error:
                    yield _failed(group[0].name, error)

    def _gathered(self, paths: Sequence[str]) -> Iterator[Line]:
        """Items of files that belong together, as the app finds them; one after another, since
        such an item may take most of the machine's memory."""
        gather: Gather = load(self._app.gather or "")
        try:
            with gather([Path(path) for path in paths]) as items:
                for item in items:
                    if isinstance(item, NotTaken):
                        error = InputRefused(item.message, code=item.code)
                        yield _failed(item.name, error)
                    else:
                        yield from self._of_item(item)
        except InputRefused as error:
            yield _failed(str(paths[0]) if paths else "", error)

    def _of_item(self, item: GatheredItem) -> Iterator[Line]:
        source = Source(name=item.name, path=item.path, held=True)
        try:
            with finding.opened(self._app, [source]) as collection:
                yield from (_refused(refusal) for refusal in collection.refused)
                yield from (self._line(taken) for taken in collection.taken)
        except InputRefused as error:
            yield _failed(item.name, error)

    def _in_order(self, threads: ThreadPoolExecutor, taken: Sequence[Taken]) -> Iterator[Line]:
        if self._tables is not None:
            for one in taken:
                yield from self._of_table(self._tables, one)
            return
        ahead: deque[Future[Line]] = deque()
        for one in taken:
            ahead.append(threads.submit(self._line, one))
            if len(ahead) >= AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    def _of_table(self, tables: Tables, taken: Taken) -> Iterator[Line]:
        try:
            for line in tables.lines(taken):
                yield {**line, "model": self._model()} if "outcome" in line else line
        except LoupeError as error:
            yield _failed(taken.name, error)

    def _line(self, taken: Taken) -> Line:
        try:
            return self._predicted(taken)
        except LoupeError as error:
            return _failed(taken.name, error)

    def _predicted(self, taken: Taken) -> Line:
        clock = StageClock()
        options = options_of(self._app, taken.kind, {}, self._point)
        if self._engine is None:
            parsed = self._sandbox.parse(
                self._app.steps[0].run, taken.written.path, options, name=taken.name,
                memory_bytes=self._app.steps[0].memory_bytes, seconds=self._app.steps[0].seconds,
            )  # fmt: skip
            clock.times_ms[self._app.steps[0].name] = parsed.elapsed_ms
            with parsed.slab or nullcontext():
                return self._decided(taken, parsed.payload, clock)
        with self._inferred(taken.written.path, options) as answer:
            clock.merge(answer.times_ms)
            return self._decided(taken, answer.payload, clock)

    def _inferred(self, path: Path, options: dict[str, JsonValue]) -> Any:
        version = self._choice.version
        if self._engine is None or version is None:
            raise TypeError(f"{self._app.slug} has an engine step and names no model.")
        return self._engine.run(
            self._app.slug,
            version.model.wire_name,
            version.number,
            path,
            options,
            self._app.request(self._point),
        )

    def _decided(self, taken: Taken, payload: Payload, clock: StageClock) -> Line:
        with clock.stage("decide"):
            result = self._app.assemble(payload.about(taken.name, {}))
            if not isinstance(result, self._app.result_schema):
                raise TypeError(f"{self._app.slug}: assemble gave columns, not one result.")
            decision = self._app.decide(result, self._point)
        data = result.model_dump(mode="json")
        # A result that says itself how it stands says it where errors say theirs.
        stands = {"status": data["status"]} if isinstance(data.get("status"), str) else {}
        return {
            **stands,
            "app": self._app.slug,
            "name": taken.name,
            "sha256": taken.written.sha256,
            "model": self._model(),
            "outcome": decision.outcome,
            "decision": decision.model_dump(mode="json"),
            "data": data,
            "times_ms": {stage: round(ms, 3) for stage, ms in clock.times_ms.items()},
        }

    def _model(self) -> Line | None:
        version, point = self._choice.version, self._choice.point
        if version is None:
            return None
        return {
            "name": version.model.name,
            "version": version.number,
            "artefact_sha256": version.artefact_sha256,
            "operating_point": point.number if point else 0,
        }


def _refused(refusal: Refusal) -> Line:
    return _told(refusal.name, refusal.code, refusal.message)


def _failed(name: str, error: LoupeError) -> Line:
    return _told(name, error.code, error.message)


def _told(name: str, code: str, message: str) -> Line:
    return {"status": "refused", "name": name, "error": {"code": code, "message": message}}
