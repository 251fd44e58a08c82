"""What a project's transactions are about: its entities, attributes and relations.

A scheme is data, declared by the project and versioned by its hash; no code knows what a customer
or a terminal is. Free of Django: it travels as JSON to the sandbox, the engine and training.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

KEY = r"^[a-z][a-z0-9_]{0,29}$"
DAY = 86_400
"""Seconds."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EntityType(_Frozen):
    """One kind of thing a transaction touches.

    `role` says how it takes part: the one who pays, the one who is paid, the instrument that is
    used (a card, a device), or a trait that several may share (an address, a network).
    """

    key: str = Field(pattern=KEY)
    en: str
    zh: str
    role: Literal["payer", "payee", "instrument", "trait"]
    hashed: bool = Field(default=False, description="keep a keyed hash instead of the identifier")
    built_from: tuple[str, ...] = Field(
        default=(), description="attributes that together make its identifier, as a fingerprint"
    )
    risk: bool = Field(default=False, description="its share of known frauds is a feature")
    degree_cap: int = Field(
        default=50, ge=2, description="shared by more payers than this, it joins nobody"
    )


class Attribute(_Frozen):
    """One more thing said of a transaction."""

    key: str = Field(pattern=KEY)
    en: str
    zh: str
    kind: Literal["category", "number"] = "category"


class Relation(_Frozen):
    """Two payers are related when they share one entity of type `shared`."""

    key: str = Field(pattern=KEY)
    en: str
    zh: str
    shared: str


class Scheme(_Frozen):
    """Everything declared about the transactions of a project."""

    schema_version: Literal[1] = 1
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$", description="sums are told in it")
    timezone: str = Field(default="UTC", description="IANA name; night and weekend are local to it")
    entities: tuple[EntityType, ...] = Field(min_length=2)
    attributes: tuple[Attribute, ...] = ()
    relations: tuple[Relation, ...] = ()
    windows: tuple[int, ...] = Field(
        default=(3_600, DAY, 7 * DAY, 30 * DAY), description="seconds, ascending"
    )
    label_delay: int = Field(
        default=7 * DAY, ge=0, description="seconds until the label of a transaction is known"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        keys = [entity.key for entity in self.entities]
        keys += [attribute.key for attribute in self.attributes]
        if len(set(keys)) < len(keys):
            raise PydanticCustomError(
                "keys_twice",
                "keys of entities and attributes must be unique; they are {keys}.",
                {"keys": ", ".join(keys)},
            )
        payers = [entity.key for entity in self.entities if entity.role == "payer"]
        if len(payers) != 1:
            raise PydanticCustomError(
                "payer_one",
                "exactly one entity has the role payer; {payers} have it.",
                {"payers": ", ".join(payers) or "none"},
            )
        attributes, entities = set(keys[len(self.entities) :]), set(keys[: len(self.entities)])
        for entity in self.entities:
            if unknown := sorted(set(entity.built_from) - attributes):
                raise PydanticCustomError(
                    "built_from_unknown",
                    "{entity}.built_from names {unknown}, which is no attribute.",
                    {"entity": entity.key, "unknown": ", ".join(unknown)},
                )
        for relation in self.relations:
            if relation.shared not in entities - set(payers):
                raise PydanticCustomError(
                    "shared_unknown",
                    "{relation}.shared is {shared}; name an entity that is not the payer: {known}.",
                    {
                        "relation": relation.key,
                        "shared": repr(relation.shared),
                        "known": ", ".join(sorted(entities - set(payers))),
                    },
                )
        if list(self.windows) != sorted(set(self.windows)) or min(self.windows, default=0) < 1:
            raise PydanticCustomError(
                "windows_order",
                "windows are {windows}; give positive seconds, ascending.",
                {"windows": ", ".join(map(str, self.windows))},
            )
        return self

    @property
    def payer(self) -> EntityType:
        """The one entity that pays."""
        return next(entity for entity in self.entities if entity.role == "payer")

    def of_role(self, *roles: str) -> Iterator[EntityType]:
        """The entities of these roles, in the order of declaration."""
        return (entity for entity in self.entities if entity.role in roles)

    @property
    def sha256(self) -> str:
        """Of the canonical JSON: the version of this scheme."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


CARD_PAYMENTS = Scheme(
    entities=(
        EntityType(key="customer", en="Customer", zh="客户", role="payer"),
        EntityType(key="terminal", en="Terminal", zh="终端", role="payee", risk=True),
        EntityType(key="device", en="Device", zh="设备", role="instrument", risk=True),
        EntityType(key="address", en="IP address", zh="IP 地址", role="trait"),
    ),
    attributes=(
        Attribute(key="country", en="Country", zh="国家或地区"),
        Attribute(key="channel", en="Channel", zh="渠道"),
    ),
    relations=(
        Relation(key="same_device", en="Same device", zh="同一设备", shared="device"),
        Relation(key="same_address", en="Same address", zh="同一地址", shared="address"),
    ),
)
"""What a new project starts with."""
