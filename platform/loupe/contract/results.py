"""How the host shows a stored result to an app, whether it was kept as a row or in a block."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from loupe.contract.outcomes import DecisionDraft


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Which model and operating point made a result."""

    model_name: str
    model_version: int
    artefact_sha256: str
    operating_point_version: int


class ResultView(Protocol):
    """One result with everything needed to export, explain or draw it."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str:
        """The file's name as given, for people."""

    @property
    def sha256(self) -> str:
        """Of the input's bytes."""

    @property
    def data(self) -> BaseModel:
        """An instance of the app's result schema."""

    @property
    def decision(self) -> DecisionDraft: ...

    @property
    def provenance(self) -> Provenance: ...

    @property
    def times_ms(self) -> Mapping[str, float]: ...

    def open_input(self) -> AbstractContextManager[Path]:
        """The input's bytes as a local, read-only file."""
