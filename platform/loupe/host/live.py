"""An app's own live service, for its Django code: requests of other kinds, and questions."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from django.conf import settings

from loupe.contract.blocks import LIVE
from loupe.contract.runtime.payload import Payload
from loupe.engine.client import EngineClient
from loupe.jobs import context
from loupe.plugins import registry

__all__ = ["apply", "ask"]

DEADLINE_MS = 10_000.0


def apply(
    slug: str,
    project_id: UUID,
    request_id: str,
    payload: Payload,
    *,
    facts: Mapping[str, str] | None = None,
    deadline_ms: float = DEADLINE_MS,
) -> Payload:
    """Send one request to the service of `slug` and wait until it is journalled and answered.

    `meta` is completed by ``project``, ``session`` (``live``) and ``context``, where the payload
    does not say them itself. The same `request_id` of a project again gets the same answer, and
    changes nothing.

    Raises:
        InputRefused: the service refuses it.
        TemporarilyUnavailable: the engine is away, late or too busy; nothing is lost by trying
            again with the same `request_id`.
    """
    domain = registry.get(slug)
    told = context.told(domain, project_id, LIVE, facts or {})
    named = hashlib.sha256(f"app:{project_id}:{request_id}".encode()).hexdigest()
    asked = Payload(arrays=payload.arrays, meta={**told, **payload.meta})
    with EngineClient(settings.ENGINE_SOCKET).apply(slug, named, asked, deadline_ms) as answer:
        return _own(answer.payload)


def ask(slug: str, payload: Payload, *, deadline_ms: float = DEADLINE_MS) -> Payload:
    """Put a question to the present state of the service of `slug`; nothing is changed or kept.

    Raises:
        InputRefused: the service refuses it, or answers no questions.
        TemporarilyUnavailable: the engine is away, late or too busy.
    """
    with EngineClient(settings.ENGINE_SOCKET).ask(slug, payload, deadline_ms) as answer:
        return _own(answer.payload)


def _own(payload: Payload) -> Payload:
    """The same payload in memory of its own."""
    return Payload(
        arrays={name: array.copy() for name, array in payload.arrays.items()}, meta=payload.meta
    )
