"""Which model and operating point a call uses, remembered for a moment."""

import time
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from pydantic import BaseModel

from loupe.api.shapes.work import ModelUsed
from loupe.api.sync.asked import Asked
from loupe.api.sync.backstage import Backstage
from loupe.contract.runtime.payload import JsonValue
from loupe.jobs.models import Provenance
from loupe.jobs.provenance import shared
from loupe.registry import services as registry
from loupe.registry.models import ModelVersion

TTL_S = 1.0
"""How long a promotion or new threshold may take to reach synchronous calls."""
_MOST = 256


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The versions a call is answered with."""

    version: ModelVersion | None
    provenance: Provenance
    settings: BaseModel
    parameters: dict[str, JsonValue]
    wire_name: str
    shown: ModelUsed | None


_Key: TypeAlias = tuple[UUID, str, str | None]
_remembered: dict[_Key, tuple[float, Chosen]] = {}


async def chosen(call: Asked, backstage: Backstage) -> Chosen:
    """The model the call names, or the project's default, with its operating point."""
    key = (call.project.pk, call.app.slug, call.model)
    now = time.monotonic()
    entry = _remembered.get(key)
    if backstage.remembers and entry is not None and now - entry[0] < TTL_S:
        return entry[1]
    found = await backstage.do(_looked_up, call)
    if len(_remembered) >= _MOST:
        _remembered.clear()
    _remembered[key] = (now, found)
    return found


def _looked_up(call: Asked) -> Chosen:
    app = call.app
    version = point = None
    if app.needs_model:
        version = registry.resolve(call.actor, call.project, app.slug, call.model)
        point = registry.operating_point(version, call.project)
    settings = app.operating_point_schema.model_validate(point.data if point else {})
    return Chosen(
        version=version,
        provenance=shared(app.slug, version, point),
        settings=settings,
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
