"""One file, answered at once: store, ask the engine, decide, write down, answer.

Both paths call `answer`; they differ only in the `Backstage` they bring along.
"""

import asyncio
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from django.utils import timezone

from loupe.api.errors import RequestRefused
from loupe.api.idempotency import digest, release, reserve
from loupe.api.shapes.results import DecisionShape, ReasonShape
from loupe.api.shapes.sync import FileAnswer, TroubleShape
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.api.sync.entries import Answer, Entry
from loupe.api.sync.lookup import Chosen, chosen, context_of, with_facts
from loupe.blobs import services as blobs
from loupe.blobs.models import Blob
from loupe.blobs.sniff.content import media_type
from loupe.blobs.writing import Written
from loupe.contract.inputs import InputKind
from loupe.contract.outcomes import DecisionDraft
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import (
    InputRefused,
    LoupeError,
    ModelRefused,
    TemporarilyUnavailable,
)
from loupe.engine.errors import EngineFault, NotFound
from loupe.engine.errors import RequestRefused as BrokenRequest
from loupe.engine.exchange import Inferred
from loupe.intake import kinds
from loupe.jobs.record import Begun, Recorded, SyncCall, begin

ENGINE_TROUBLE = (TemporarilyUnavailable, EngineFault, NotFound, BrokenRequest, ModelRefused)
"""What counts as "the engine is late or gone": the caller's policy decides then."""


async def answer(call: Asked, body: Written, backstage: Backstage, started: float) -> Answer:
    """The answer to one file.

    Args:
        body: the file as it was received; it is stored, or removed where it is refused.
        started: `time.perf_counter` when the request came, for the stage ``total``.

    Raises:
        InputRefused: the file cannot be used.
        TemporarilyUnavailable: the engine is late or gone and the caller declared no policy.
    """
    try:
        kind, sniffed = _admitted(call, body)
        if call.key is None:
            return await _answered(call, body, kind, sniffed, backstage, started)
        first = await backstage.do(
            reserve,
            call.actor,
            call.project,
            call.key,
            digest("POST", call.path, call.query, [body.sha256, body.size], *call.facts.items()),
        )
        if first is not None:
            return replayed(first.status, first.answer or {})
        try:
            return await _answered(call, body, kind, sniffed, backstage, started)
        except BaseException:
            await backstage.do(release, call.project, call.key)
            raise
    finally:
        body.path.unlink(missing_ok=True)


def replayed(status: int | None, kept: dict[str, object]) -> Answer:
    """The first answer again."""
    headers = kept.get("headers")
    return Answer(
        status=status or 200,
        body=json.dumps(kept.get("body"), ensure_ascii=False).encode(),
        headers={
            **(headers if isinstance(headers, dict) else {}),
            "Idempotency-Replayed": "true",
        },
    )


def _admitted(call: Asked, body: Written) -> tuple[InputKind, str]:
    """The kind of input the bytes are, by their content.

    Raises:
        EntryRefused: the app takes no such file.
    """
    if body.size == 0:
        raise RequestRefused("The body is empty: send one file.", code="body_empty")
    sniffed = media_type(body.path)
    return kinds.require(call.app, sniffed, body.size), sniffed


async def _answered(
    call: Asked,
    body: Written,
    kind: InputKind,
    sniffed: str,
    backstage: Backstage,
    started: float,
) -> Answer:
    clock = StageClock()
    at = timezone.now()
    call = await with_facts(call, backstage)
    use = await chosen(call, backstage)
    # The engine reads a second name of the same file while the first is moved into storage.
    read_from = body.path.with_name(f"{body.path.name}.read")
    os.link(body.path, read_from)
    blob = Blob(
        sha256=body.sha256, size=body.size, media_type=sniffed, last_stored_at=timezone.now()
    )
    stored = _Stored(call=call, use=use, kind=kind, blob=blob, clock=clock, at=at, started=started)
    trouble: LoupeError | None = None
    inferred: Inferred | None = None
    # Both begin when this call next waits: the engine has its question by then.
    placing = asyncio.ensure_future(backstage.do(_placed, body))
    asyncio.get_running_loop().call_soon(stored.begin)
    try:
        inferred = await _asked_engine(call, use, kind, read_from, backstage)
    except (*ENGINE_TROUBLE, InputRefused) as error:
        trouble = error
    finally:
        # Also when it next waits, which is for the database as a rule.
        asyncio.get_running_loop().call_soon(read_from.unlink, True)
        waiting = time.perf_counter()
        await placing
        stored.store_ms = (time.perf_counter() - waiting) * 1e3
    if inferred is not None:
        return await stored.decided(inferred, backstage)
    if trouble is None:
        raise TypeError("The engine neither answered nor failed.")
    if call.policy and not isinstance(trouble, InputRefused):
        return await stored.fallen_back(trouble, backstage)
    await stored.refused(trouble, backstage)


def _placed(body: Written) -> None:
    blobs.place([body])


async def _asked_engine(
    call: Asked, use: Chosen, kind: InputKind, path: Path, backstage: Backstage
) -> Inferred:
    options = {**dict(kind.options), **use.options}
    if call.app.context is not None:
        options["context"] = await context_of(call, backstage)
    return await backstage.engine.run(
        call.app.slug,
        use.wire_name,
        use.version.number if use.version else 0,
        path,
        options,
        use.parameters,
        call.deadline_ms,
        name=call.name,
        lane=call.mode.lane,
    )


class _Stored:
    """A call whose input is stored, on its way to an answer."""

    def __init__(
        self,
        *,
        call: Asked,
        use: Chosen,
        kind: InputKind,
        blob: Blob,
        clock: StageClock,
        at: datetime,
        started: float,
    ) -> None:
        self.call, self.use, self.kind, self.blob = call, use, kind, blob
        self.clock, self.at, self.started = clock, at, started
        self.store_ms = 0.0
        self.begun: Begun | None = None

    def begin(self) -> None:
        """Prepare the rows that do not depend on the answer."""
        self.begun = begin(self._row())

    async def decided(self, inferred: Inferred, backstage: Backstage) -> Answer:
        """Decide, write down and answer."""
        with inferred:
            self.clock.merge(inferred.times_ms)
            with self.clock.stage("decide"):
                payload = inferred.payload.about(self.call.name, self.call.facts)
                result = self.call.app.assemble(payload)
                if not isinstance(result, self.call.app.result_schema):
                    raise TypeError(f"{self.call.app.slug}: assemble gave no result.")
                decision = self.call.app.decide(result, self.use.settings)
        data = result.model_dump(mode="json")
        return await self._written(
            self._row(result=result, decision=decision, data=data), backstage, decision, data
        )

    async def fallen_back(self, trouble: LoupeError, backstage: Backstage) -> Answer:
        """The engine is late or gone: the caller's policy decides, and the answer says so."""
        mode = self.call.mode
        outcome = mode.fail_open if self.call.policy == "fail_open" else mode.fail_closed
        row = self._row(fallback=self.call.policy, error_code=trouble.code, error=trouble.message)
        return await self._written(
            row, backstage, DecisionDraft(outcome=outcome, score=0.0), None, trouble
        )

    async def refused(self, trouble: LoupeError, backstage: Backstage) -> NoReturn:
        """Write down that there is no answer, then say why."""
        row = self._row(error_code=trouble.code, error=trouble.message)
        await backstage.write(Entry(call=row, finish=lambda _: Answer(status=503, body=b"null")))
        if isinstance(trouble, InputRefused | TemporarilyUnavailable):
            raise trouble
        raise TemporarilyUnavailable(
            f"The engine could not answer ({trouble.code}): {trouble.message}", code="engine_fault"
        ) from trouble

    def _row(self, **outcome: object) -> SyncCall:
        return SyncCall(
            actor=self.call.actor,
            project=self.call.project,
            app=self.call.app.slug,
            provenance=self.use.provenance,
            name=self.call.name,
            kind=self.kind.key,
            blob=self.blob,
            facts=self.call.facts,
            settings=self.use.settings,
            begun=self.begun,
            times_ms=dict(self.clock.times_ms),
            **outcome,  # type: ignore[arg-type]
        )

    async def _written(
        self,
        row: SyncCall,
        backstage: Backstage,
        decision: DecisionDraft,
        data: dict[str, object] | None,
        trouble: LoupeError | None = None,
    ) -> Answer:
        writing = time.perf_counter()

        def finish(ids: Recorded) -> Answer:
            now = time.perf_counter()
            times = {
                **self.clock.times_ms,
                "store": self.store_ms + (now - writing) * 1e3,
                "total": (now - self.started) * 1e3,
            }
            shape = FileAnswer(
                app=self.call.app.slug,
                submission=ids.submission_id,
                job=ids.job_id,
                item=ids.item_id,
                result=ids.result_id,
                name=self.call.name,
                sha256=self.blob.sha256,
                model=self.use.shown,
                fallback=row.fallback,
                trouble=TroubleShape(code=trouble.code, detail=trouble.message)
                if trouble
                else None,
                times_ms={stage: round(ms, 3) for stage, ms in times.items()},
                created_at=self.at,
                outcome=decision.outcome,
                decision=DecisionShape(
                    outcome=decision.outcome,
                    score=decision.score,
                    label=decision.label,
                    reasons=[
                        ReasonShape(
                            code=reason.code, en=reason.en, zh=reason.zh, weight=reason.weight
                        )
                        for reason in decision.reasons
                    ],
                ),
                data=data,  # type: ignore[arg-type]
            )
            return Answer(status=200, body=shape.model_dump_json().encode())

        return await backstage.write(Entry(call=row, finish=finish, key=self.call.key))
