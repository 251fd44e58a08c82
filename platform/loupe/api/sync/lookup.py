"""Which model and operating point a call uses, remembered for a moment."""

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from django.db import DatabaseError
from pydantic import BaseModel

from loupe.api.shapes.work import ModelUsed
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.payload import JsonValue
from loupe.intake.facts import checked, scope_of
from loupe.jobs import context
from loupe.jobs.models import Provenance
from loupe.jobs.provenance import shared
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion

log = logging.getLogger(__name__)

FRESH_S = 0.5
"""Until then a choice is used as it is; afterwards it is used once more and looked up behind it."""
STALE_S = 2.0
"""How long a promotion or new threshold may take to reach synchronous calls."""
_MOST = 256


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The versions a call is answered with."""

    version: ModelVersion | None
    provenance: Provenance
    settings: BaseModel
    options: dict[str, JsonValue]
    parameters: dict[str, JsonValue]
    wire_name: str
    shown: ModelUsed | None


@dataclass
class _Entry:
    chosen: Chosen
    at: float
    renewal: "asyncio.Task[None] | None" = None


_Key: TypeAlias = tuple[UUID, str, str | None, str]
_remembered: dict[_Key, _Entry] = {}
_Said: TypeAlias = tuple[str, UUID, tuple[tuple[str, str], ...]]
_asking: "dict[_Said, asyncio.Task[None]]" = {}
"""Contexts that are asked for behind the calls that use them."""


async def chosen(call: Asked, backstage: Backstage) -> Chosen:
    """The model the call or its scope names, or the project's default, with its operating point."""
    key = (call.project.pk, call.app.slug, call.model, scope_of(call.app, call.facts))
    entry = _remembered.get(key)
    age = time.monotonic() - entry.at if entry is not None else STALE_S
    if entry is None or not backstage.remembers or age >= STALE_S:
        return await _fresh(key, call, backstage)
    if age >= FRESH_S and entry.renewal is None:
        entry.renewal = asyncio.create_task(_renewed(key, call, backstage))
    return entry.chosen


async def with_facts(call: Asked, backstage: Backstage) -> Asked:
    """The call with its facts checked and completed. Costs nothing where it states none.

    Raises:
        FactRefused: one of them cannot be.
    """
    if not call.facts:
        return call
    return replace(call, facts=await backstage.do(checked, call.app, call.project, call.facts))


async def context_of(call: Asked, backstage: Backstage) -> dict[str, JsonValue]:
    """What the app says of the project; empty where it says nothing. Its facts are checked."""
    known = context.remembered(call.app, call.project.pk, call.facts)
    if known is None:
        known = await backstage.do(context.of, call.app, call.project.pk, call.facts)
    elif backstage.remembers and context.ageing(call.app, call.project.pk, call.facts):
        key = (call.app.slug, call.project.pk, tuple(sorted(call.facts.items())))
        if key not in _asking:
            _asking[key] = asyncio.create_task(_asked_anew(key, call, backstage))
    return dict(known)


async def _asked_anew(key: _Said, call: Asked, backstage: Backstage) -> None:
    try:
        await backstage.do(context.fresh, call.app, call.project.pk, call.facts)
    except Exception:
        # An app's code may raise anything. A call that finds the context too old asks for itself
        # and is told what is wrong.
        log.warning("the context of %s is not asked anew", call.app.slug, exc_info=True)
    finally:
        del _asking[key]


async def _fresh(key: _Key, call: Asked, backstage: Backstage) -> Chosen:
    found = await backstage.do(_looked_up, call)
    if len(_remembered) >= _MOST:
        _remembered.clear()
    _remembered[key] = _Entry(found, time.monotonic())
    return found


async def _renewed(key: _Key, call: Asked, backstage: Backstage) -> None:
    try:
        await _fresh(key, call, backstage)
    except (LoupeError, DatabaseError):
        # The next call looks for itself and is told what is wrong.
        _remembered.pop(key, None)


def _looked_up(call: Asked) -> Chosen:
    app = call.app
    version = point = None
    if app.needs_model:
        scope = scope_of(app, call.facts)
        version = registry.resolve(call.actor, call.project, app.slug, call.model, scope=scope)
        point = registry.operating_point(version, call.project, scope)
    settings = app.operating_point_schema.model_validate(point.data if point else {})
    return Chosen(
        version=version,
        provenance=shared(app.slug, version, point),
        settings=settings,
        options=dict(app.parse_options(settings)),
        parameters=dict(app.request(settings)),
        wire_name=version.model.wire_name if version else "",
        shown=ModelUsed(
            name=version.model.name,
            version=version.number,
            artefact_sha256=version.artefact_sha256,
            operating_point=point.number if point else 0,
        )
        if version
        else None,
    )
