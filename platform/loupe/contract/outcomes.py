"""Outcomes, decisions and the reviews people give."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from loupe.contract.text import Text


class Tone(StrEnum):
    """How an outcome is shown: colour, shape and position, for colour-blind people too."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One of the closed set of outcomes an app decides between."""

    key: str
    label: Text
    tone: Tone


class Reason(BaseModel):
    """Why a decision fell as it did. `code` is stable; the sentences are for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    en: str
    zh: str
    weight: float = Field(default=1.0, description="Strongest first.")


class DecisionDraft(BaseModel):
    """What an app's pure `decide` returns; the host stores it with versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: str
    score: float = Field(description="What a list is sorted by; higher needs a person sooner.")
    label: str = Field(default="", description="The leading class, for filters.")
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DecisionColumns:
    """Decisions of a whole block, one array entry a row: `outcome` and `label` of unicode,
    `score` of float64."""

    outcome: np.ndarray
    score: np.ndarray
    label: np.ndarray


@dataclass(frozen=True, kw_only=True)
class ReviewVerb:
    """One thing a person can say about a decision.

    Attributes:
        key: stable name, e.g. ``confirm``.
        shortcut: one keyboard key.
        outcome: the outcome the verb sets; None keeps the machine's.
        signature: asks for the password again and binds name, time, meaning and content hash.
    """

    key: str
    label: Text
    shortcut: str
    outcome: str | None = None
    signature: bool = False
