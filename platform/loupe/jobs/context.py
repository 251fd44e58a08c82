"""What an app says of a project, kept for a second, and what its live service is told."""

import time
from collections.abc import Mapping
from uuid import UUID

from loupe.contract.app import DomainApp
from loupe.contract.context import Context
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.steps import load

FRESH_S = 1.0
AGEING_S = 0.5
"""From then on whoever can asks anew behind a call that uses what is kept."""
MOST = 1024
"""Projects and sets of facts whose context is kept at once."""

_Key = tuple[str, UUID, tuple[tuple[str, str], ...]]
_kept: dict[_Key, tuple[float, Mapping[str, JsonValue]]] = {}


def remembered(
    app: type[DomainApp], project_id: UUID, facts: Mapping[str, str]
) -> Mapping[str, JsonValue] | None:
    """The app's context if it is known still, or if it has none; None: `of` has to ask."""
    if app.context is None:
        return {}
    found = _kept.get((app.slug, project_id, tuple(sorted(facts.items()))))
    return found[1] if found is not None and time.monotonic() - found[0] < FRESH_S else None


def ageing(app: type[DomainApp], project_id: UUID, facts: Mapping[str, str]) -> bool:
    """Whether the app's context is remembered, but is to be asked for anew soon."""
    found = _kept.get((app.slug, project_id, tuple(sorted(facts.items()))))
    return found is not None and time.monotonic() - found[0] >= AGEING_S


def of(app: type[DomainApp], project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, JsonValue]:
    """What `app` says of the project; asks the database where that is older than a second."""
    known = remembered(app, project_id, facts)
    return fresh(app, project_id, facts) if known is None else known


def fresh(
    app: type[DomainApp], project_id: UUID, facts: Mapping[str, str]
) -> Mapping[str, JsonValue]:
    """What `app` says of the project now; asks the database."""
    if app.context is None:
        return {}
    ask: Context = load(app.context)
    said = dict(ask(project_id, facts))
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[app.slug, project_id, tuple(sorted(facts.items()))] = (time.monotonic(), said)
    return said


def told(
    app: type[DomainApp], project_id: UUID, session: str, facts: Mapping[str, str]
) -> dict[str, JsonValue]:
    """What the service of `app` finds in a request's `meta`."""
    said: dict[str, JsonValue] = {"project": str(project_id), "session": session}
    if app.context is not None:
        said["context"] = dict(of(app, project_id, facts))
    return said


def forget() -> None:
    """Ask anew from now on."""
    _kept.clear()
