"""The fields of a page by which a person says what files are: product, lot, station."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from loupe.contract.app import DomainApp
from loupe.contract.facts import FactChoices
from loupe.contract.runtime.steps import load
from loupe.contract.text import Text

PREFIX = "fact_"


@dataclass(frozen=True, kw_only=True)
class FactField:
    """One field. `choices` are values and labels; empty: free text."""

    name: str
    label: Text
    max_length: int
    value: str
    choices: tuple[tuple[str, str], ...] | None
    lines: bool = False


def fields(
    app: type[DomainApp], project_id: uuid.UUID, given: Mapping[str, str]
) -> list[FactField]:
    """The app's facts as fields; `given` holds what the address proposes, by the facts' keys."""
    found = []
    for fact in app.facts:
        if not fact.offered:
            continue
        choices: FactChoices | None = load(fact.choices) if fact.choices else None
        found.append(
            FactField(
                name=PREFIX + fact.key,
                label=fact.label,
                max_length=fact.max_length,
                value=given.get(fact.key, "")[: fact.max_length],
                choices=tuple(choices(project_id)) if choices else None,
                lines=fact.lines,
            )
        )
    return found


def sent(app: type[DomainApp], form: Mapping[str, str]) -> dict[str, str]:
    """What a person filled in, by the facts' keys; not yet checked."""
    return {fact.key: str(form.get(PREFIX + fact.key, "")) for fact in app.facts if fact.offered}
