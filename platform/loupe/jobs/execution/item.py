"""One item from bytes to decision, in a thread of a worker. Nothing here touches the database."""

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from loupe.blobs import services as blobs
from loupe.contract.app import DomainApp
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.devices import gpus
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable
from loupe.contract.runtime.payload import JsonValue, Payload
from loupe.contract.runtime.steps import Place
from loupe.engine.exchange import Inferred, Model
from loupe.jobs import splitting
from loupe.jobs.claims import About, Claim
from loupe.jobs.execution.bench import Bench
from loupe.jobs.execution.outcomes import Block, Cut, Failed, Finished, Outcome, Postponed, Row
from loupe.jobs.execution.patience import patiently
from loupe.jobs.execution.pipeline import concluded
from loupe.jobs.models import Item
from loupe.plugins import registry as apps

log = logging.getLogger(__name__)

DEADLINE_MS = 30_000
"""How long one item of a job may wait for the engine and be worked on by it."""


def work_on(bench: Bench, claim: Claim, item: Item) -> Finished:
    """Do one item; every way it can end is an outcome, none an exception."""
    clock = StageClock()
    clock.times_ms["queue"] = queued_ms(claim, item)
    outcome = guarded(item, lambda: _computed(bench, claim, item, clock))
    return Finished(claim=claim, item=item, outcome=outcome, times_ms=clock.times_ms)


def guarded(item: Item, compute: Callable[[], Row | Block | Cut]) -> Outcome:
    """The result of `compute`, or why there is none."""
    try:
        return compute()
    except TemporarilyUnavailable as error:
        return Postponed(code=error.code, message=error.message)
    except LoupeError as error:
        return Failed(code=error.code, message=error.message)
    except Exception as error:
        # The border to an app's code: its bug costs the item, with a traceback in the log, and
        # must not cost the other items of the block their worker.
        log.exception("item %s failed in the app's code", item.pk)
        name = item.input.name if item.input else f"Item {item.pk}"
        return Failed(
            code="app_error",
            message=f"{name} could not be worked on: {type(error).__name__}: {error}. "
            "This is a fault of the app; its log has the details.",
        )


def _computed(bench: Bench, claim: Claim, item: Item, clock: StageClock) -> Row | Block | Cut:
    app = apps.get(claim.job.app)
    received = item.input
    if received is None or received.blob is None:
        raise LoupeError(f"Item {item.pk} has no stored input.", code="no_input")
    parse = app.steps[0]
    said = claim.job.submission.facts
    point = claim.job.provenance.operating_point
    settings = app.operating_point_schema.model_validate(point.data if point else {})
    about = claim.about or About()
    if about.trouble is not None:
        raise about.trouble
    options = options_of(app, received.kind, item.options, settings)
    if "context" in about.told:
        options["context"] = about.told["context"]
    if splitting.is_uncut(item):
        run = splitting.cut_kinds(app)[received.kind].split or ""
        with blobs.open_local(received.blob) as path:
            ranges = bench.cut(run, path, options, received.name)
        return Cut(ranges=splitting.checked(ranges, item, run))
    if len(app.steps) > 1 and parse.also and app.service is None and gpus():
        # The engine may have the model on a device that decodes such files itself.
        with blobs.open_local(received.blob) as path:
            there = _read_there(bench, app, claim, path, options, received.name)
        with there as answer:
            clock.merge(answer.times_ms)
            return concluded(app, answer.payload.about(received.name, said), point, clock)
    with blobs.open_local(received.blob) as path:
        parsed = bench.parse(parse, path, options, received.name, shared=len(app.steps) > 1)
    clock.times_ms[parse.name] = parsed.elapsed_ms
    with parsed.slab or nullcontext():
        if len(app.steps) == 1:
            found = concluded(app, parsed.payload.about(received.name, said), point, clock)
            return _with(found, parsed.payload.meta)
        payload = parsed.payload
        if app.service is not None:
            payload = payload.told(**about.told)
        with _asked(bench, app, claim, item, payload) as answer:
            clock.merge(answer.times_ms)
            found = concluded(app, answer.payload.about(received.name, said), point, clock)
            return _with(found, parsed.payload.meta)


def _with(found: Row | Block, parsed: Mapping[str, JsonValue]) -> Row | Block:
    """A block with what the parsing step said, for apps that follow their blocks."""
    if isinstance(found, Block) and found.read is not None:
        return replace(found, parsed=dict(parsed))
    return found


def options_of(
    app: type[DomainApp], kind: str, item_options: dict[str, JsonValue], settings: BaseModel
) -> dict[str, JsonValue]:
    """What the parsing step is told: the kind's options, the operating point's, the item's own."""
    declared: dict[str, JsonValue] = {}
    for input_kind in app.inputs:
        if input_kind.key == kind:
            declared.update(input_kind.options)
    return {**declared, **app.parse_options(settings), **item_options}


def _asked(
    bench: Bench, app: type[DomainApp], claim: Claim, item: Item, payload: Payload
) -> Inferred:
    """The engine's answer: of the app's live service, of the job's model, or of both in turn."""
    step = app.steps[1]
    if step.place is not Place.ENGINE:
        raise TypeError(f"{app.slug}: step {step.name!r} after the sandbox must be the engine's.")
    if app.service is not None:
        # Stable over attempts: the service answers a repeated id without counting it again.
        request_id = f"{claim.job.pk}:{item.position}"
        model = Model(*_model(app, claim)) if app.needs_model else None
        return patiently(
            lambda: bench.engine.apply(app.slug, request_id, payload, DEADLINE_MS, model=model)
        )
    name, number, asked = _model(app, claim)
    deadline_ms = max(DEADLINE_MS, step.seconds * 1e3)
    return patiently(lambda: bench.engine.infer(name, number, payload, asked, deadline_ms))


def _read_there(
    bench: Bench,
    app: type[DomainApp],
    claim: Claim,
    path: Path,
    options: dict[str, JsonValue],
    name: str,
) -> Inferred:
    """The engine's answer to a file that it reads itself, in its sandbox or on its device."""
    model, number, asked = _model(app, claim)
    deadline_ms = max(DEADLINE_MS, sum(step.seconds for step in app.steps) * 1e3)
    return patiently(
        lambda: bench.engine.run(
            app.slug, model, number, path, options, asked, deadline_ms, name=name
        )
    )


def _model(app: type[DomainApp], claim: Claim) -> tuple[str, int, dict[str, JsonValue]]:
    """The job's model by wire name and version, and what its engine step is told."""
    provenance = claim.job.provenance
    version = provenance.model_version
    if version is None:
        raise LoupeError(f"Job {claim.job.pk} names no model.", code="no_model")
    point = provenance.operating_point
    asked = app.request(app.operating_point_schema.model_validate(point.data if point else {}))
    return version.model.wire_name, version.number, {**asked}


def queued_ms(claim: Claim, item: Item) -> float:
    """How long the item has waited since it was queued, or since its last back-off ended."""
    since = max(item.created_at, item.not_before or item.created_at)
    return max(0.0, (claim.claimed_at - since).total_seconds() * 1e3)
