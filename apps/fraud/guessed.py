"""What the columns of a file may mean, for the mapping page. Runs in the sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path

from apps.fraud.scheme import Scheme
from apps.fraud.tables.guessing import guess
from loupe.contract.runtime.payload import JsonValue


def guessed(path: Path, options: Mapping[str, JsonValue]) -> bytes:
    """`guessing.Guess.as_json` in UTF-8.

    Args:
        options: ``scheme``, the project's.

    Raises:
        InputRefused: the file cannot be read.
    """
    found = guess(path, Scheme.model_validate(options["scheme"]))
    return json.dumps(found.as_json(), ensure_ascii=False).encode("utf-8", "replace")
