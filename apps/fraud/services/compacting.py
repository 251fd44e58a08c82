"""The schedule ``compact``: the live log's old segments become smaller, by the project's policy.

The engine joins them in the background and answers as before; what it has made lasts from its next
snapshot on. Killed in between, it still has the segments that were, and the next run begins again.
"""

import time
from typing import Any
from uuid import UUID

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import Payload
from loupe.host import live
from loupe.host.people import SYSTEM, Project, record_audit

SLUG = "fraud"
LIMIT_S, MOST_S = 60.0, 90.0
PAUSE_S = 0.25


def compact(project_id: str, options: dict[str, Any]) -> str:
    """Compact what the policy lets, as far as one turn comes; the next goes on.

    Args:
        options: ``limit_s``, how long a turn takes at most (60 s, and never more than 90).

    Raises:
        InputRefused: the limit is no such number.
        TemporarilyUnavailable: the engine is away.
    """
    project = Project.objects.get(pk=UUID(project_id))
    until = time.monotonic() + _limit(options)
    first = told = _ask(project)
    if not told.get("transactions"):
        return "no transaction yet"
    while told["left"] and time.monotonic() < until:
        time.sleep(PAUSE_S)
        told = _ask(project)
    before, after = _size(first), _size(told)
    said = (
        f"{told['in_segments']} transactions in {told['segments']} segments, "
        f"{told['bytes_per_transaction']} bytes each"
    )
    left = f"; {told['left']} segments are left for the next turn" if told["left"] else ""
    if told["compacted"] == first["compacted"] and after == before:
        return f"{said}{left or ': nothing is old enough to be compacted'}"
    facts = {
        "bytes_before": before, "bytes_after": after, "segments": told["segments"],
        "transactions": told["in_segments"], "left": told["left"],
    }  # fmt: skip
    record_audit(SYSTEM, project, "log.compacted", f"project:{project.pk}", facts)
    return f"{said}, {first['bytes_per_transaction']} before{left}"


def _ask(project: Project) -> dict[str, Any]:
    asked = Payload(meta={"kind": "compact", "project": str(project.pk)})
    return dict(live.ask(SLUG, asked).meta)


def _size(told: dict[str, Any]) -> int:
    return int(told["bytes"]["rows"]) + int(told["bytes"]["filters"])


def _limit(options: dict[str, Any]) -> float:
    given = options.get("limit_s", LIMIT_S)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= MOST_S:
        raise InputRefused(
            f"limit_s is {given!r}; give seconds from 0 to {MOST_S:g}.", code="schedule_option"
        )
    return float(given)
