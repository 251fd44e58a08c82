"""What the project declares, as reading rows needs it: checked once, then kept by its JSON."""

from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from apps.fraud.money import Rates
from apps.fraud.scheme import CARD_PAYMENTS, Scheme
from apps.fraud.tables.keys import Hasher
from apps.fraud.tables.mapping import Mapping
from apps.fraud.tables.starts import Start, said_twice, start_of
from loupe.contract.runtime.errors import InputRefused
from loupe.contract.runtime.payload import JsonValue

_PARTS = ("scheme", "mapping", "rates", "hash_key", "start")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Declared:
    """The scheme, the saved mapping of files (None: there is none yet), rates, and hashes.

    `hasher` is None where no entity is hashed or built from attributes; `start` is when the count
    of a file without a mapping began, None where nobody said so.
    """

    scheme: Scheme
    mapping: Mapping | None
    rates: Rates
    hasher: Hasher | None
    start: Start | None = None

    @classmethod
    def of(cls, context: JsonValue) -> "Declared":
        """From the host's context: ``scheme``, ``mapping``, ``rates``, ``hash_key`` (hexadecimal),
        ``start`` (`starts.start_of`).

        Everything may be left out: the scheme is then that of card payments.

        Raises:
            InputRefused: something of it does not hold.
        """
        told = context if isinstance(context, dict) else {}
        parts = {name: told.get(name) for name in _PARTS}
        return _declared(msgspec.json.encode(parts))


@lru_cache(maxsize=64)
def _declared(encoded: bytes) -> Declared:
    told: Mapped[str, JsonValue] = msgspec.json.decode(encoded)
    scheme = CARD_PAYMENTS if told["scheme"] is None else _valid(Scheme, told["scheme"], "scheme")
    mapping = None if told["mapping"] is None else _valid(Mapping, told["mapping"], "mapping")
    if mapping is not None and (misfits := mapping.misfits(scheme)):
        raise InputRefused(
            f"The saved mapping does not fit the project's scheme: {misfits[0]} Open the mapping "
            "and save it again.",
            code="mapping_misfit",
        )
    start = None if told["start"] is None else start_of(str(told["start"]))
    if start is not None and mapping is not None:
        raise said_twice()
    return Declared(
        scheme=scheme,
        mapping=mapping,
        rates=Rates() if told["rates"] is None else _valid(Rates, told["rates"], "rates"),
        hasher=_hasher(scheme, told["hash_key"]),
        start=start,
    )


def _hasher(scheme: Scheme, key: JsonValue) -> Hasher | None:
    if not any(entity.hashed or entity.built_from for entity in scheme.entities):
        return None
    try:
        return Hasher(bytes.fromhex(str(key or "")))
    except ValueError as error:
        raise InputRefused(
            "The project's hash_key is not hexadecimal: give at least 32 digits.",
            code="hash_key_missing",
        ) from error


def _valid(model: type[Model], data: JsonValue, what: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputRefused(
            f"The project's {what} is not valid at {place or 'its root'}: {first['msg']}.",
            code=f"{what}_invalid",
        ) from error
