"""A batch of rows, answered at once by an app's live service; stored as one columnar block."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import msgspec
import numpy as np
from django.utils import timezone
from pydantic import BaseModel

from loupe.api.errors import RequestRefused
from loupe.api.idempotency import digest, release, reserve
from loupe.api.shapes.sync import RowsAnswer, TroubleShape
from loupe.api.sync import batches
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.api.sync.batches import Batch
from loupe.api.sync.entries import Answer, Entry
from loupe.api.sync.explaining import Reasons, explained
from loupe.api.sync.lookup import Chosen, chosen, context_of, with_facts
from loupe.api.sync.service import ENGINE_TROUBLE
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.blobs.writing import Written
from loupe.contract.blocks import LIVE
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.reading import ARROW, JSON, ROW_MEDIA_TYPES
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.columns import Columns, conformed, to_rows
from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load
from loupe.engine.exchange import Model
from loupe.jobs import following
from loupe.jobs.execution.pipeline import PARQUET
from loupe.jobs.record import Recorded, StoredBlock, SyncCall


@dataclass(frozen=True, kw_only=True)
class Decided:
    """Rows with their results, or only decisions where a fallback was applied.

    `reasons` are those of some rows, as the answer shows them.
    """

    columns: Columns | None
    decisions: DecisionColumns
    reasons: Reasons = field(default_factory=dict)


async def answer(
    call: Asked,
    body: Written,
    content_type: str,
    accept: str,
    backstage: Backstage,
    started: float,
) -> Answer:
    """The answer to one batch, in the form it came in, or in Arrow where `accept` names it.

    Raises:
        RequestRefused: the body is no batch of rows; the message names the first bad one.
        TemporarilyUnavailable: the engine is late or gone and the caller declared no policy.
    """
    batch = None
    try:
        sent_as = content_type.partition(";")[0].strip().lower()
        if sent_as not in ROW_MEDIA_TYPES:
            raise RequestRefused(
                f"Content-Type {sent_as[:60]!r} is not one of {', '.join(ROW_MEDIA_TYPES)}.",
                code="unsupported_media_type",
            )
        if body.size == 0:
            raise RequestRefused("The body is empty: send rows.", code="body_empty")
        arrow = ARROW in accept or (sent_as == ARROW and JSON not in accept)
        batch = _Batch(call, body, sent_as, arrow, backstage, started)
        return await batch.answered()
    finally:
        if batch is None or not batch.handed_over:
            body.path.unlink(missing_ok=True)


class _Batch:
    """One call on its way to an answer."""

    def __init__(
        self,
        call: Asked,
        body: Written,
        sent_as: str,
        arrow: bool,
        backstage: Backstage,
        started: float,
    ) -> None:
        self.call, self.body, self.sent_as, self.arrow = call, body, sent_as, arrow
        self.backstage, self.started = backstage, started
        self.request_id = call.request_id
        self.clock = StageClock()
        self.at = timezone.now()
        self.handed_over = False
        """Whether the body is the writer's: it may wait there longer than the caller does."""

    async def answered(self) -> Answer:
        """Answer once per request id."""
        self.call = await with_facts(self.call, self.backstage)
        said = await context_of(self.call, self.backstage)
        with self.clock.stage("decode"):
            batch = await batches.read(self.call, self.body, self.sent_as, said, self.backstage)
        told: dict[str, JsonValue] = {"project": str(self.call.project.pk), "session": LIVE}
        if self.call.app.context is not None:
            told["context"] = said
        batch = replace(batch, payload=batch.payload.told(**told))
        if self.call.key is None:
            return await self._applied(batch)
        sha256 = digest("POST", self.call.path, self.call.query, [self.body.sha256])
        first = await self.backstage.do(
            reserve, self.call.actor, self.call.project, self.call.key, sha256
        )
        if first is not None:
            return await self.backstage.do(self._again, first.answer or {})
        try:
            return await self._applied(batch)
        except BaseException:
            await self.backstage.do(release, self.call.project, self.call.key)
            raise

    async def _applied(self, batch: Batch) -> Answer:
        app = self.call.app
        use = await chosen(self.call, self.backstage)
        trouble: LoupeError
        try:
            inferred = await self.backstage.engine.apply(
                app.slug,
                self._service_id(),
                batch.payload,
                self.call.deadline_ms,
                model=Model(use.wire_name, use.version.number, use.parameters)
                if use.version is not None
                else None,
                lane=self.call.mode.lane,
            )
        except (*ENGINE_TROUBLE, InputRefused) as error:
            trouble = error
        else:
            with inferred:
                self.clock.merge(inferred.times_ms)
                with self.clock.stage("decide"):
                    found = self._decided(inferred.payload, use)
            return await self._written(use, found)
        if self.call.policy and not isinstance(trouble, InputRefused):
            return await self._fallen_back(use, batch.count, trouble)
        await self._refused(use, trouble)

    def _decided(self, payload: Payload, use: Chosen) -> Decided:
        """The result of the service's answer, and the decisions with some of their reasons."""
        app = self.call.app
        result = app.assemble(payload.about(self.call.name, self.call.facts))
        if isinstance(result, BaseModel):
            raise TypeError(f"{app.slug}: assemble gave one result, not columns.")
        columns = conformed(result, app.result_schema)
        decisions = app.decide_columns(columns, use.settings)
        reasons = explained(app, self.call.mode, columns, decisions, use.settings)
        return Decided(columns=columns, decisions=decisions, reasons=reasons)

    def _service_id(self) -> str:
        """Unique over projects: one project's ids mean nothing to another."""
        named = f"{self.call.project.pk}:{self.request_id}"
        return hashlib.sha256(named.encode()).hexdigest()

    async def _fallen_back(self, use: Chosen, count: int, trouble: LoupeError) -> Answer:
        mode = self.call.mode
        outcome = mode.fail_open if self.call.policy == "fail_open" else mode.fail_closed
        decisions = DecisionColumns(
            outcome=np.full(count, outcome), score=np.zeros(count), label=np.full(count, "")
        )
        return await self._written(use, Decided(columns=None, decisions=decisions), trouble)

    async def _refused(self, use: Chosen, trouble: LoupeError) -> NoReturn:
        row = self._call(use, error_code=trouble.code, error=trouble.message)
        await self._write(
            Entry(
                call=row,
                finish=lambda _: Answer(status=503, body=b"null"),
                files=[self.body],
            )
        )
        if isinstance(trouble, InputRefused | TemporarilyUnavailable):
            raise trouble
        raise TemporarilyUnavailable(
            f"The engine could not answer ({trouble.code}): {trouble.message}", code="engine_fault"
        ) from trouble

    async def _written(
        self, use: Chosen, found: Decided, trouble: LoupeError | None = None
    ) -> Answer:
        writing = time.perf_counter()
        block = None if found.columns is None else await self.backstage.do(self._encoded, found)
        row = self._call(
            use,
            block=block,
            fallback=self.call.policy if trouble else "",
            error_code=trouble.code if trouble else "",
            error=trouble.message if trouble else "",
            settings=use.settings,
            read=self._reader(found) if block is not None else None,
        )

        def finish(ids: Recorded) -> Answer:
            now = time.perf_counter()
            times = {
                **self.clock.times_ms,
                "store": (now - writing) * 1e3,
                "total": (now - self.started) * 1e3,
            }
            return self._shown(found, self._facts(ids, use, times, row, trouble))

        return await self._write(
            Entry(
                call=row,
                finish=finish,
                key=self.call.key,
                keep=lambda ids, _: {
                    "facts": self._facts(ids, use, self.clock.times_ms, row, trouble),
                    "block": block.written.sha256 if block else None,
                    "count": len(found.decisions.outcome),
                    "outcome": str(found.decisions.outcome[0]),
                    "reasons": found.reasons,
                },
                files=[self.body] if block is None else [self.body, block.written],
            )
        )

    async def _write(self, entry: Entry) -> Answer:
        self.handed_over = True
        try:
            return await self.backstage.write(entry)
        except Exception:  # but not where the caller went away: the entry waits on
            self.handed_over = False
            raise

    def _reader(self, found: Decided) -> following.Read | None:
        if not following.wants_blocks(self.call.app.slug):
            return None
        return lambda: (found.columns or {}, found.decisions)

    def _encoded(self, found: Decided) -> StoredBlock:
        """The block as a file that is not in storage yet."""
        encode: Callable[..., Any] = load("loupe.jobs.parquet:encode")
        encoded = encode(self.call.app.result_schema, found.columns, found.decisions, quick=True)
        return StoredBlock(
            written=blobs.write_bytes(encoded.data),
            media_type=PARQUET,
            rows=encoded.rows,
            outcomes=encoded.outcomes,
        )

    def _call(self, use: Chosen, **outcome: Any) -> SyncCall:
        return SyncCall(
            actor=self.call.actor,
            project=self.call.project,
            app=self.call.app.slug,
            provenance=use.provenance,
            name=self.call.name,
            kind="rows",
            blob=Blob(
                sha256=self.body.sha256,
                size=self.body.size,
                media_type=self.sent_as,
                last_stored_at=timezone.now(),
            ),
            facts=self.call.facts,
            times_ms=dict(self.clock.times_ms),
            **outcome,
        )

    def _facts(
        self,
        ids: Recorded,
        use: Chosen,
        times: dict[str, float],
        row: SyncCall,
        trouble: LoupeError | None,
    ) -> dict[str, Any]:
        """Everything of the answer but its rows, as JSON."""
        shape = RowsAnswer(
            app=self.call.app.slug,
            submission=ids.submission_id,
            job=ids.job_id,
            item=ids.item_id,
            name=self.call.name,
            sha256=self.body.sha256,
            model=use.shown,
            fallback=row.fallback,
            trouble=TroubleShape(code=trouble.code, detail=trouble.message) if trouble else None,
            times_ms={stage: round(ms, 3) for stage, ms in times.items()},
            created_at=self.at,
            request_id=self.request_id,
            rows=[],
        )
        return shape.model_dump(mode="json")

    def _shown(self, found: Decided, facts: dict[str, Any]) -> Answer:
        """The answer in the form asked for."""
        decided = found.decisions
        if self.arrow:
            told = {**facts, "reasons": found.reasons} if found.reasons else facts
            body = load("loupe.api.sync.arrow:encoded")(found.columns, decided, told)
            return Answer(status=200, body=body, media_type=ARROW)
        data: list[dict[str, Any] | None] = (
            [*to_rows(found.columns, self.call.app.result_schema)]
            if found.columns is not None
            else [None] * len(decided.outcome)
        )
        rows = [
            {
                "data": each,
                "decision": {
                    "outcome": outcome,
                    "score": score,
                    "label": label,
                    "reasons": found.reasons.get(str(row), []),
                },
            }
            for row, (each, outcome, score, label) in enumerate(
                zip(
                    data,
                    decided.outcome.tolist(),
                    decided.score.tolist(),
                    decided.label.tolist(),
                    strict=True,
                )
            )
        ]
        return Answer(status=200, body=msgspec.json.encode({**facts, "rows": rows}))

    def _again(self, kept: dict[str, Any]) -> Answer:
        """The first answer, read back from its block."""
        if kept.get("block") is None:
            count = int(kept["count"])
            found = Decided(
                columns=None,
                decisions=DecisionColumns(
                    outcome=np.full(count, kept["outcome"]),
                    score=np.zeros(count),
                    label=np.full(count, ""),
                ),
            )
        else:
            with blobs.open_local(Blob.objects.get(pk=kept["block"])) as path:
                columns, decisions = load("loupe.api.sync.arrow:read_block")(path)
            found = Decided(columns=columns, decisions=decisions, reasons=kept.get("reasons") or {})
        shown = self._shown(found, kept["facts"])
        return Answer(
            status=shown.status,
            body=shown.body,
            media_type=shown.media_type,
            headers={"Idempotency-Replayed": "true"},
        )
