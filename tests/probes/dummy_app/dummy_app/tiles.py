"""A reading as tiles: two by one of them, and a smaller one."""

import json
from collections.abc import Mapping
from pathlib import Path

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.runtime.pyramid import pack

TILE = 64


def tiles(path: Path, options: Mapping[str, JsonValue]) -> bytes:
    """Tiles that hold the reading's value as text instead of pixels."""
    try:
        value = json.loads(path.read_bytes())["value"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputRefused(f"{path.name} is no reading.") from error
    left, right, whole = (f"{value} {place}".encode() for place in ("left", "right", "whole"))
    return pack(TILE + 1, 1, TILE, "image/png", [[left, right], [whole]])
