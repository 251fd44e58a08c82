"""The hash of a version of a report, which covers the hash of the version before it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a version's hash covers; `signature` as JSON, None for a version not signed."""

    report: str
    number: int
    state: str
    content_hash: str
    author: str
    at: datetime
    reason: str
    signature: dict[str, Any] | None
    previous: str


def digest(link: Link) -> str:
    """SHA-256 over canonical JSON."""
    plain = json.dumps(
        {
            "report": link.report, "number": link.number, "state": link.state,
            "content": link.content_hash, "author": link.author,
            "at": link.at.isoformat(), "reason": link.reason, "signature": link.signature,
            "previous": link.previous,
        },
        sort_keys=True, ensure_ascii=False, separators=(",", ":"),
    )  # fmt: skip
    return hashlib.sha256(plain.encode()).hexdigest()


def broken_at(links: Iterable[tuple[Link, str]]) -> int | None:
    """The number of the first version that is not what its hash says; None: all are."""
    before = GENESIS
    for expected, (link, stored) in enumerate(links, 1):
        if link.number != expected or link.previous != before or digest(link) != stored:
            return link.number
        before = stored
    return None
