"""Why a series is usable, usable with a warning, or refused: stable codes and sentences.

Offers `Reason`, `Severity`, and `reason`, which fills a sentence in. Codes never change their
meaning; pages, REST and `predict --json` show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

from apps.report_gen.reading.sentences import SENTENCES
from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text


class Severity(IntEnum):
    """How much a reason weighs; the heaviest one decides."""

    NOTE = 0
    WARNING = 1
    REFUSAL = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One reason, with the figures it rests on."""

    code: str
    severity: Severity
    text: Text
    values: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))

    def as_json(self) -> dict[str, JsonValue]:
        """For `--json` and REST."""
        return {
            "code": self.code,
            "severity": self.severity.name.lower(),
            "en": self.text.en,
            "zh": self.text.zh,
            "values": dict(self.values),
        }


def reason(
    code: str, severity: Severity, sentence: str | None = None, **values: JsonValue
) -> Reason:
    """The reason `code`, in the words of `sentence` (the code's own where none is given)."""
    words = SENTENCES[sentence or code]
    return Reason(
        code=code,
        severity=severity,
        text=Text(en=words.en.format(**values), zh=words.zh.format(**values)),
        values=MappingProxyType(values),
    )


def note(code: str, sentence: str | None = None, **values: JsonValue) -> Reason:
    """A reason that changes nothing."""
    return reason(code, Severity.NOTE, sentence, **values)


def warning(code: str, sentence: str | None = None, **values: JsonValue) -> Reason:
    """A reason that is shown beside every result."""
    return reason(code, Severity.WARNING, sentence, **values)


def refusal(code: str, sentence: str | None = None, **values: JsonValue) -> Reason:
    """A reason that the series cannot be used."""
    return reason(code, Severity.REFUSAL, sentence, **values)
