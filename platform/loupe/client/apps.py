"""Synchronous calls of one app."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from loupe.api.shapes.sync import FileAnswer, RowsAnswer
from loupe.client.transport import Transport

Fallback: TypeAlias = Literal["fail_open", "fail_closed"]


class AppClient:
    """One app, by its slug."""

    def __init__(self, transport: Transport, slug: str) -> None:
        self._transport = transport
        self.slug = slug

    def inspect(
        self,
        image: str | Path | bytes,
        *,
        name: str | None = None,
        model: str | None = None,
        fallback: Fallback | None = None,
        deadline_ms: int | None = None,
        verb: str = "inspect",
        idempotency_key: str | None = None,
    ) -> FileAnswer:
        """Send one file and get its decision at once.

        Args:
            image: a path, or the bytes themselves.
            fallback: what to answer when the engine is late or gone; None: raise `Unavailable`.
            verb: the last word of the app's address, where it is not ``inspect``.
        """
        if isinstance(image, bytes):
            raw, called = image, name
        else:
            raw, called = Path(image).read_bytes(), name or Path(image).name
        response = self._transport.send(
            "POST",
            f"{self.slug}/{verb}",
            {
                "filename": called,
                "model": model,
                "policy": fallback,
                "deadline_ms": deadline_ms,
            },
            lambda: {"content": raw},
            {"Content-Type": "application/octet-stream"},
            idempotency_key,
        )
        return FileAnswer.model_validate_json(response.content)

    def rows(
        self,
        verb: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        fallback: Fallback | None = None,
        deadline_ms: int | None = None,
        idempotency_key: str | None = None,
    ) -> RowsAnswer:
        """Send a batch of rows and get their decisions at once, in the same order."""
        body = json.dumps(list(rows)).encode()
        response = self._transport.send(
            "POST",
            f"{self.slug}/{verb}",
            {"policy": fallback, "deadline_ms": deadline_ms},
            lambda: {"content": body},
            {"Content-Type": "application/json"},
            idempotency_key,
        )
        return RowsAnswer.model_validate_json(response.content)
