"""What a sender may say about inputs beside their bytes: a serial, a lot, a station."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel

from loupe.contract.runtime.errors import InputRefused
from loupe.contract.text import Text

RESERVED = frozenset(
    {
        "app", "cursor", "deadline_ms", "facts", "file", "filename", "files", "limit", "model",
        "name", "policy", "project", "upload",
    }
)  # fmt: skip
"""What the host's own fields and parameters are called; no fact can be."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing a sender may say of a submission, as a form field, a JSON field or a query
    parameter named `key`.

    Attributes:
        key: a lower-case identifier, none of `RESERVED`.
        scope: this fact names what the project chooses models and operating points by (a product,
            a portfolio). At most one fact of an app does.
        max_length: characters; longer values are refused.
        choices: a `FactChoices`: forms offer these instead of free text.
        lines: may be several lines long, as a report is.
        offered: forms ask for it; else programs alone say it.
    """

    key: str
    label: Text
    scope: bool = False
    max_length: int = 100
    choices: str | None = None
    lines: bool = False
    offered: bool = True


class FactChoices(Protocol):
    """What a fact can be in a project, for forms."""

    def __call__(self, project_id: UUID) -> Sequence[tuple[str, str]]:
        """Values and how people call them, in the order they are offered."""


class FactRefused(InputRefused):
    """What was said of a submission cannot be: `field` names which part of it."""

    code = "fact_refused"

    def __init__(self, message: str, *, field: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """A row result as the host has just stored it, or as a review has just changed it.

    Attributes:
        facts: what the sender said of the submission.
        data: the result, by the app's `result_schema`.
        operating_point: what it was decided by, by the app's `operating_point_schema`.
        machine_outcome: the decision's; `outcome` is the latest, of the machine or a person.
        correction: what the last standing review says should have been found, as the app's labels;
            None where it says nothing of it.
    """

    result_id: int
    project_id: UUID
    submission_id: UUID
    input_name: str
    input_sha256: str
    facts: Mapping[str, str]
    data: BaseModel
    operating_point: BaseModel
    machine_outcome: str
    outcome: str
    label: str
    score: float
    reviewed: bool
    created_at: datetime
    correction: Mapping[str, Any] | None = None


class CheckFacts(Protocol):
    """Looks at what a sender said before anything is stored."""

    def __call__(self, project_id: UUID, facts: Mapping[str, str]) -> Mapping[str, str]:
        """Return `facts`, completed by what follows from them (a station's present product).

        SHALL be quick: it runs once in every synchronous call that states facts.

        Raises:
            FactRefused: a fact names what does not exist; the message lists what there is.
        """


class OnResults(Protocol):
    """Called inside the transaction that stores or reviews results whose submission has facts.

    SHALL be idempotent, SHALL use a number of queries that does not grow with the results, and an
    error it raises undoes the transaction.
    """

    def __call__(self, results: Sequence[StoredResult]) -> None:
        """Follow up on `results`, all of one app; they may belong to several projects."""
