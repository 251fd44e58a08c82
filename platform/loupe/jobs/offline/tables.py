"""Predicts files whose results are columns: one line a row, range after range, state and all.

Files are read one after the other in this process, because live state depends on their order. It
begins empty, is kept in memory and is gone at the end.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from uuid import UUID

from pydantic import BaseModel

from loupe.contract.app import DomainApp
from loupe.contract.inputs import SPLIT
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.columns import conformed, row_count, to_rows
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.engine.exchange import Inferred, Model
from loupe.engine.local import LocalEngine
from loupe.intake.collecting import Taken
from loupe.jobs import context
from loupe.jobs.execution.item import options_of
from loupe.jobs.offline.bad_rows import Line, bad_rows
from loupe.jobs.offline.choosing import Choice
from loupe.sandbox.pool import SandboxPool

SESSION = "offline"
"""What a service is told in place of a job's id."""


class Tables:
    """One app of columns-form with one model, ready to predict."""

    def __init__(
        self,
        app: type[DomainApp],
        choice: Choice,
        point: BaseModel,
        sandbox: SandboxPool,
        engine: LocalEngine | None,
        facts: Mapping[str, str],
    ) -> None:
        self._app, self._point, self._sandbox, self._engine = app, point, sandbox, engine
        self._told: dict[str, JsonValue] = (
            context.told(app, choice.project.pk, SESSION, facts)
            if choice.project is not None
            else {"project": str(UUID(int=0)), "session": SESSION}
        )
        if app.context is not None:
            # Without a project there is nobody to ask what the facts mean: they are told as said.
            self._told.setdefault("context", dict(facts))
        version = choice.version
        self._model = (
            Model(version.model.wire_name, version.number, {**app.request(point)})
            if version is not None
            else None
        )

    def lines(self, taken: Taken) -> Iterator[Line]:
        """One line for each row; a row or range that cannot be used is one line with ``error``."""
        row = 0
        for options in self._ranges(taken):
            try:
                lines = self._of_range(taken, options, row)
            except LoupeError as error:
                yield {
                    "status": "refused",
                    "name": taken.name,
                    "error": {"code": error.code, "message": error.message},
                }
                continue
            row += sum("outcome" in line for line in lines)
            yield from lines

    def _ranges(self, taken: Taken) -> Iterator[dict[str, JsonValue]]:
        """The options of each range of a file, as its kind is cut; as a rule there is one."""
        options = options_of(self._app, taken.kind, {}, self._point)
        if "context" in self._told:
            options["context"] = self._told["context"]
        split = next((kind.split for kind in self._app.inputs if kind.key == taken.kind), None)
        waiting: deque[dict[str, JsonValue]] = deque([{SPLIT: {}} if split is not None else {}])
        while waiting:
            part = waiting.popleft()
            if SPLIT not in part or split is None:
                yield {**options, **part}
                continue
            cut = self._sandbox.call(
                split, [taken.written.path, {**options, **part}], name=taken.name
            )
            waiting.extendleft(reversed(cut))

    def _of_range(self, taken: Taken, options: dict[str, JsonValue], first: int) -> list[Line]:
        clock = StageClock()
        step = self._app.steps[0]
        parsed = self._sandbox.parse(step.run, taken.written.path, options, name=taken.name)
        clock.times_ms[step.name] = parsed.elapsed_ms
        told = list(bad_rows(taken.name, parsed.payload.meta))
        with parsed.slab or nullcontext():
            answer = self._answered(parsed.payload)
            clock.merge(answer.times_ms)
            with clock.stage("decide"):
                result = self._app.assemble(answer.payload.about(taken.name, {}))
                if isinstance(result, BaseModel):
                    raise TypeError(f"{self._app.slug}: assemble gave one result, not columns.")
                columns = conformed(result, self._app.result_schema)
                decisions = self._app.decide_columns(columns, self._point)
                rows = to_rows(columns, self._app.result_schema)
        count = max(1, row_count(columns))
        each_ms = {stage: round(ms / count, 4) for stage, ms in clock.times_ms.items()}
        return told + [
            {
                "app": self._app.slug,
                "name": taken.name,
                "row": first + number,
                "sha256": taken.written.sha256,
                "outcome": outcome,
                "decision": {"outcome": outcome, "score": score, "label": label},
                "data": data,
                "times_ms": each_ms,
            }
            for number, (data, outcome, score, label) in enumerate(
                zip(
                    rows,
                    decisions.outcome.tolist(),
                    decisions.score.tolist(),
                    decisions.label.tolist(),
                    strict=True,
                )
            )
        ]

    def _answered(self, payload: Payload) -> Inferred:
        """What the engine's steps make of a payload; what it is itself where there are none."""
        if self._engine is None:
            return Inferred(payload=payload, times_ms={})
        if self._app.service is not None:
            return self._engine.apply(self._app.slug, payload.told(**self._told), self._model)
        if self._model is None:
            raise TypeError(f"{self._app.slug} has an engine step and names no model.")
        return self._engine.infer(self._model, payload)
