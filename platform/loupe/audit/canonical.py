"""One spelling of a JSON value, so that equal values always have equal hashes.

Databases respell numbers (PostgreSQL keeps ``1e2`` as ``100``); the canonical form does not
depend on how a value was stored: keys sorted, no spaces, whole floats written as integers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder


def normalise(value: Any) -> Any:
    """`value` as plain JSON types: dates, UUIDs and decimals become text.

    Raises:
        ValueError: it holds a number that is not finite.
        TypeError: it holds something JSON cannot say.
    """
    if type(value) is dict and all(_plain(key) and _plain(part) for key, part in value.items()):
        return dict(value)  # most are a few short texts
    return _storable(json.loads(json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False)))


def _plain(value: object) -> bool:
    return type(value) is str and "\x00" not in value


def _storable(value: Any) -> Any:
    """What every database gives back as it was: no NUL in text, no floats that are whole."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {_storable(key): _storable(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_storable(part) for part in value]
    return value


def spell(value: Any) -> str:
    """The canonical text of `value`."""
    return json.dumps(normalise(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(value: Any) -> str:
    """The hexadecimal SHA-256 of the canonical text of `value`, in UTF-8."""
    return hashlib.sha256(spell(value).encode()).hexdigest()
