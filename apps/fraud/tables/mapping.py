"""What each column of a file means: guessed once, corrected by a person, saved by the project."""

import hashlib
import json
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from apps.fraud.scheme import Scheme
from apps.fraud.tables.time_column import Column, TimeColumn

Encoding = Literal["utf-8", "cp1252", "gb18030"]
Delimiter = Literal[",", ";", "\t", "|"]
FRAUD_WORDS = (
    *("1", "true", "yes", "y", "t", "fraud", "fraudulent", "bad"),
    *("ja", "wahr", "betrug", "betrügerisch", "是", "欺诈"),
)
HONEST_WORDS = (
    *("0", "false", "no", "n", "f", "honest", "legit", "genuine", "good"),
    *("nein", "falsch", "kein betrug", "ehrlich", "否", "正常", "非欺诈"),
)


class Mapping(BaseModel):
    """The columns of a file, by what they mean. Columns that are not named here are not read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    time: TimeColumn
    amount: Column
    amount_unit: Literal["major", "minor"] = "major"
    decimal: Literal[".", ","] = "."
    id: Column | None = Field(default=None, description="None: rows are numbered")
    currency: Column | None = None
    fixed_currency: str | None = Field(
        default=None, max_length=12, description="of every row; None: the project's"
    )
    entities: dict[str, Column] = Field(description="by the key of the entity")
    attributes: dict[str, Column] = Field(default_factory=dict)
    label: Column | None = None
    fraud_words: tuple[str, ...] = Field(default=FRAUD_WORDS, max_length=50)
    honest_words: tuple[str, ...] = Field(default=HONEST_WORDS, max_length=50)
    label_time: TimeColumn | None = None
    earliest: int = Field(
        default=946_684_800_000, description="milliseconds: an earlier time is refused; 2000"
    )
    ahead: int = Field(
        default=86_400, ge=0, le=10 * 366 * 86_400, description="seconds a clock may be ahead"
    )
    encoding: Encoding = "utf-8"
    delimiter: Delimiter = ","
    header: bool = Field(default=True, description="the first line of a CSV file names its columns")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.currency is not None and self.fixed_currency is not None:
            raise PydanticCustomError(
                "currency_twice", "Give currency (a column) or fixed_currency, not both."
            )
        if both := sorted(set(self.fraud_words) & set(self.honest_words)):
            raise PydanticCustomError(
                "words_twice", "{words} stand for fraud and for honest at once.",
                {"words": ", ".join(both)},
            )  # fmt: skip
        if self.label_time is not None and self.label is None:
            raise PydanticCustomError("label_missing", "label_time needs a label.")
        return self

    def columns(self) -> tuple[str, ...]:
        """The names of all columns that are read, each once."""
        named = [self.time.column, self.amount, self.id, self.currency, self.label]
        named += [self.label_time.column if self.label_time else None]
        named += [*self.entities.values(), *self.attributes.values()]
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def misfits(self, scheme: Scheme) -> tuple[str, ...]:
        """Why this mapping cannot be used with the scheme, in sentences; empty: it can."""
        entities = {entity.key: entity for entity in scheme.entities}
        attributes = {attribute.key for attribute in scheme.attributes}
        found = [
            f"entities.{key} is no entity of the project; it has {', '.join(entities)}."
            for key in self.entities
            if key not in entities
        ]
        found += [
            f"attributes.{key} is no attribute of the project; it has "
            f"{', '.join(sorted(attributes)) or 'none'}."
            for key in self.attributes
            if key not in attributes
        ]
        found += [
            f"entities.{key} is built from {', '.join(entities[key].built_from)}: name the columns "
            "of those attributes, and none for it."
            for key in self.entities
            if key in entities and entities[key].built_from
        ]
        payer = scheme.payer
        if payer.key not in self.entities and not payer.built_from:
            found.append(f"entities.{payer.key} is missing: name the column of who pays.")
        return tuple(found)

    @property
    def sha256(self) -> str:
        """Of the canonical JSON: the version of this mapping."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def direct(scheme: Scheme, columns: frozenset[str]) -> Mapping:
    """The mapping of a file whose columns are called as the fields of a synchronous call are."""
    return Mapping(
        time=TimeColumn(column="time"),
        amount="amount",
        id="id",
        currency="currency" if "currency" in columns else None,
        entities={entity.key: entity.key for entity in scheme.entities if entity.key in columns},
        attributes={
            attribute.key: attribute.key
            for attribute in scheme.attributes
            if attribute.key in columns
        },
        label="label" if "label" in columns else None,
        label_time=TimeColumn(column="label_time") if "label_time" in columns else None,
    )
