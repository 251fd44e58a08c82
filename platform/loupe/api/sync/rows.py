"""A batch of rows, answered at once by an app's live service; stored as one columnar block."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from django.utils import timezone
from pydantic import BaseModel

from loupe.api.errors import RequestRefused
from loupe.api.idempotency import digest, release, reserve
from loupe.api.sync import batches, gathering, showing
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.api.sync.batches import Batch
from loupe.api.sync.entries import Answer, Entry
from loupe.api.sync.explaining import explained
from loupe.api.sync.lookup import Chosen, chosen, context_of, with_facts
from loupe.api.sync.receiving import drop
from loupe.api.sync.service import ENGINE_TROUBLE
from loupe.api.sync.showing import Decided
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.blobs.small import SMALL_BYTES, Small
from loupe.blobs.writing import Written
from loupe.contract.blocks import LIVE
from loupe.contract.outcomes import DecisionColumns
from loupe.contract.reading import ARROW, JSON, ROW_MEDIA_TYPES
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.columns import conformed
from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import load
from loupe.engine.exchange import Model
from loupe.jobs import following
from loupe.jobs.record import Begun, Recorded, StoredBlock, SyncCall, begin

FEW_ROWS = 64
"""So many are decided, written and shown where they are, without another thread."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What became of a batch: its rows, where they are kept, and what trouble there was."""

    found: Decided
    ids: Recorded
    use: Chosen
    times_ms: dict[str, float]
    fallback: str = ""
    trouble: LoupeError | None = None


async def answer(
    call: Asked, body: Written | Small, content_type: str, accept: str, backstage: Backstage,
    started: float,
) -> Answer:  # fmt: skip
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
        batch = RowsCall(call, body, sent_as, arrow, backstage, started)
        return await batch.answered()
    finally:
        if batch is None or not batch.handed_over:
            drop(body)


class RowsCall:
    """One call on its way to an answer."""

    def __init__(
        self, call: Asked, body: Written | Small, sent_as: str, arrow: bool, backstage: Backstage,
        started: float,
    ) -> None:  # fmt: skip
        self.call, self.body, self.sent_as, self.arrow = call, body, sent_as, arrow
        self.backstage, self.started = backstage, started
        self.request_id = call.request_id
        self.clock = StageClock()
        self.at = timezone.now()
        self.handed_over = False
        """Whether the body is the writer's: it may wait there longer than the caller does."""
        self._begun: Begun | None = None

    async def answered(self) -> Answer:
        """Answer once per request id."""
        self.call = await with_facts(self.call, self.backstage)
        said = await context_of(self.call, self.backstage)
        if gathering.fits(self):
            return await self.backstage.gathering.answer(self, said)
        return await self.answered_alone(said)

    def batch(self, payload: Payload, count: int, said: dict[str, JsonValue]) -> Batch:
        """The live service's request about rows that were read."""
        told: dict[str, JsonValue] = {"project": str(self.call.project.pk), "session": LIVE}
        if self.call.app.context is not None:
            told["context"] = said
        return Batch(payload=payload.told(**told), count=count)

    async def answered_alone(self, said: dict[str, JsonValue]) -> Answer:
        """The answer to a batch of its own.

        Args:
            said: what the app says of the project.
        """
        with self.clock.stage("decode"):
            read = await batches.read(self.call, self.body, self.sent_as, said, self.backstage)
        batch = self.batch(read.payload, read.count, said)
        if self.call.key is None:
            return await self.shown(await self.applied(batch))
        sha256 = digest("POST", self.call.path, self.call.query, [self.body.sha256])
        first = await self.backstage.do(
            reserve, self.call.actor, self.call.project, self.call.key, sha256
        )
        if first is not None:
            return await self.backstage.do(self._again, first.answer or {})
        try:
            return await self.shown(await self.applied(batch))
        except BaseException:
            await self.backstage.do(release, self.call.project, self.call.key)
            raise

    async def applied(self, batch: Batch) -> Stored:
        """Ask the engine, decide and write down.

        Raises:
            InputRefused: the service refuses the batch.
            TemporarilyUnavailable: the engine is late or gone and the caller declared no policy.
        """
        app = self.call.app
        use = await chosen(self.call, self.backstage)
        # When this call next waits: the engine has its question by then.
        asyncio.get_running_loop().call_soon(self._begin, use)
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
                    if batch.count <= FEW_ROWS:
                        found = self._decided(inferred.payload, use)
                    else:
                        found = await self.backstage.do(self._decided, inferred.payload, use)
            return await self._written(use, found)
        if self.call.policy and not isinstance(trouble, InputRefused):
            return await self._fallen_back(use, batch.count, trouble)
        await self._refused(use, trouble)

    def _begin(self, use: Chosen) -> None:
        """Prepare the rows that do not depend on the answer."""
        self._begun = begin(self._call(use), single=False)

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

    async def _fallen_back(self, use: Chosen, count: int, trouble: LoupeError) -> Stored:
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
    ) -> Stored:
        writing = time.perf_counter()
        block = None
        if found.columns is not None:
            # A thread costs a short block more than writing it does.
            few = len(found.decisions.outcome) <= FEW_ROWS
            block = self._encoded(found) if few else await self.backstage.do(self._encoded, found)
        fallback = self.call.policy if trouble else ""
        row = self._call(
            use,
            block=block,
            fallback=fallback,
            error_code=trouble.code if trouble else "",
            error=trouble.message if trouble else "",
            settings=use.settings,
            read=self._reader(found) if block is not None else None,
        )
        told: list[Recorded] = []

        def finish(ids: Recorded) -> Answer:
            told.append(ids)
            return Answer(status=200, body=b"")

        def kept(ids: Recorded, _answer: Answer) -> dict[str, Any]:
            stored = Stored(
                found=found, ids=ids, use=use, times_ms=self.clock.times_ms, fallback=fallback,
                trouble=trouble,
            )  # fmt: skip
            return {
                "facts": self._facts(stored, {}),
                "block": block.written.sha256 if block else None,
                "count": len(found.decisions.outcome),
                "outcome": str(found.decisions.outcome[0]),
                "reasons": found.reasons,
            }

        await self._write(
            Entry(
                call=row,
                finish=finish,
                key=self.call.key,
                keep=kept,
                files=[self.body] if block is None else [self.body, block.written],
            )
        )
        return Stored(
            found=found,
            ids=told[-1],
            use=use,
            times_ms={**self.clock.times_ms, "store": (time.perf_counter() - writing) * 1e3},
            fallback=fallback,
            trouble=trouble,
        )

    async def shown(
        self, stored: Stored, first: int = 0, stop: int | None = None, *, together: int = 1
    ) -> Answer:
        """The answer about rows `first` to `stop` of a batch, in the form asked for."""
        found = stored.found
        total = (time.perf_counter() - self.started) * 1e3
        facts = self._facts(stored, {"total": total}, first)
        if together > 1:
            facts["together"] = together
        if len(found.decisions.outcome) <= FEW_ROWS:
            return self._formed(found, facts, first, stop)
        return await self.backstage.do(self._formed, found, facts, first, stop)

    def _formed(
        self, found: Decided, facts: dict[str, Any], first: int = 0, stop: int | None = None
    ) -> Answer:
        return showing.formed(
            self.call.app,
            found,
            facts,
            self.call.left_out,
            arrow=self.arrow,
            first=first,
            stop=stop,
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
        encoded = encode(
            self.call.app.result_schema, found.columns, found.decisions, quick=True, conforming=True
        )
        return StoredBlock(
            written=Small.of(encoded.data)
            if len(encoded.data) <= SMALL_BYTES
            else blobs.write_bytes(encoded.data),
            media_type=encoded.media_type,
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
            blob=self._begun.received.blob if self._begun is not None else self._blob(),
            facts=self.call.facts,
            times_ms=dict(self.clock.times_ms),
            begun=self._begun,
            **outcome,
        )

    def _blob(self) -> Blob:
        return Blob(
            sha256=self.body.sha256,
            size=self.body.size,
            media_type=self.sent_as,
            last_stored_at=timezone.now(),
        )

    def _facts(self, stored: Stored, times: dict[str, float], first_row: int = 0) -> dict[str, Any]:
        """Everything of the answer but its rows, as JSON."""
        trouble, ids = stored.trouble, stored.ids
        facts: dict[str, Any] = {
            "app": self.call.app.slug,
            "submission": str(ids.submission_id),
            "job": str(ids.job_id),
            "item": ids.item_id,
            "name": self.call.name,
            "sha256": self.body.sha256,
            "model": stored.use.shown.model_dump(mode="json") if stored.use.shown else None,
            "fallback": stored.fallback,
            "trouble": {"code": trouble.code, "detail": trouble.message} if trouble else None,
            "times_ms": {stage: round(ms, 3) for stage, ms in {**stored.times_ms, **times}.items()},
            "created_at": self.at.isoformat().replace("+00:00", "Z"),
            "request_id": self.request_id,
            "first_row": first_row,
            "rows": [],
        }
        return facts

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
        shown = self._formed(found, kept["facts"])
        return Answer(
            status=shown.status,
            body=shown.body,
            media_type=shown.media_type,
            headers={"Idempotency-Replayed": "true"},
        )
