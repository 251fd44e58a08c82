"""What a file's columns are taken for, why, and what is asked of a person."""

from dataclasses import dataclass

from apps.fraud.tables.formats import Format
from apps.fraud.tables.mapping import Mapping
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class ColumnGuess:
    """What one column is taken for: ``time``, ``amount``, ``entity.<key>`` …; empty: nothing."""

    column: str
    role: str
    confidence: float
    reason: Text
    samples: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "column": self.column,
            "role": self.role,
            "confidence": round(self.confidence, 2),
            "en": self.reason.en,
            "zh": self.reason.zh,
            "samples": list(self.samples),
        }


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is to say; `choices` are values of the mapping's field `code`, none: any."""

    code: str
    column: str
    en: str
    zh: str
    choices: tuple[str, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "code": self.code,
            "column": self.column,
            "en": self.en,
            "zh": self.zh,
            "choices": list(self.choices),
        }


@dataclass(frozen=True)
class Guess:
    """What was found out.

    Attributes:
        draft: the mapping as far as it is known: fields of `Mapping`, as JSON.
        mapping: None where time, its start, amount or payer is not known.
    """

    format: Format
    columns: tuple[ColumnGuess, ...]
    questions: tuple[Question, ...]
    draft: dict[str, JsonValue]
    mapping: Mapping | None

    @property
    def needs_start(self) -> bool:
        """Whether a column counts from a start that nobody said."""
        return any(question.code.endswith(".start") for question in self.questions)

    @property
    def asked(self) -> str:
        """All questions as one text in English."""
        told = " ".join(question.en for question in self.questions)
        return told or "its columns are not known."

    def as_json(self) -> dict[str, JsonValue]:
        """Plain JSON."""
        return {
            "format": self.format.value,
            "columns": [column.as_json() for column in self.columns],
            "questions": [question.as_json() for question in self.questions],
            "draft": self.draft,
            "mapping": None if self.mapping is None else self.mapping.model_dump(mode="json"),
        }
