"""Streams of rows in the OpenAPI document: they are answered outside Django, so nothing finds them.

Each is told from the call for whole batches of the same app, which takes the same rows.
"""

from copy import deepcopy
from typing import Any

from loupe.contract.reading import ARROW, NDJSON
from loupe.plugins import registry

_UNUSED = {"Idempotency-Key", "filename"}
"""Parameters of the call for batches that a stream does not take."""


def add_streams(document: dict[str, Any]) -> None:
    """Add ``POST /api/v1/<slug>/<verb>/stream`` of every app that takes streams."""
    for app in registry.installed():
        mode = app.sync
        if mode is None or mode.read_each is None:
            continue
        address = f"/api/v1/{app.slug}/{mode.verb}"
        operation = deepcopy(document["paths"][address]["post"])
        operation["operationId"] += "_stream"
        operation["description"] = (
            "Send rows as JSON lines or as an Arrow stream of any length; they are answered while "
            "they still come, in order, a bad row in its place with a code and a sentence. The "
            "last line says how many there were: without it the answer was cut short. Sending a "
            "stream again changes nothing, because rows are known by their ids."
        )
        operation["parameters"] = [
            one for one in operation["parameters"] if one["name"] not in _UNUSED
        ]
        operation["security"] = [{"apiKey": []}]
        content = {
            NDJSON: {"schema": {"type": "string"}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        }
        operation["requestBody"] = {"content": content, "required": True}
        operation["responses"]["200"] = {"content": deepcopy(content), "description": "Answers."}
        document["paths"][f"{address}/stream"] = {"post": operation}
