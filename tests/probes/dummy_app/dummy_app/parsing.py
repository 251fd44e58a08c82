"""Reads one JSON number. Runs in the sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue, Payload


def parse(path: Path, options: Mapping[str, JsonValue]) -> Payload:
    """``{"value": number}`` → one float64."""
    try:
        value = json.loads(path.read_bytes())["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputRefused(
            'The file is not {"value": number}: write it like that.', code="not_a_reading"
        ) from error
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InputRefused(f"value={value!r} is not a number.", code="not_a_number")
    return Payload(arrays={"value": np.array([value], dtype=np.float64)})


def draw(path: Path, options: Mapping[str, JsonValue]) -> bytes:
    """A text picture of the reading."""
    return b"value " + path.read_bytes()
