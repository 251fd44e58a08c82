"""What an app declares so that its models can be trained, evaluated and let into production."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from loupe.contract.runtime.payload import JsonValue
from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One live curve of a training: `key` is the name it is reported under."""

    key: str
    label: Text
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class GatheredFile:
    """One file that a model is to learn from: bytes that are stored already, or new ones.

    Attributes:
        name: as the training sees it; unique among the files.
        stored: the SHA-256 of stored bytes, which are not copied.
        content: the bytes themselves, where nothing is stored.
    """

    name: str
    stored: str = ""
    content: bytes = b""
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What a source holds at this moment.

    Attributes:
        about: what holds for all of it; plain JSON.
        counts: how much there is, for people, such as rows and labels.
    """

    about: Mapping[str, JsonValue]
    files: Sequence[GatheredFile]
    counts: Mapping[str, int] = field(default_factory=dict)


class Sources(Protocol):
    """What a project's models can be trained on beside datasets that people label."""

    def __call__(self, project_id: UUID) -> Sequence[tuple[str, str]]:
        """Keys and how people call them, in the order they are offered; at most a few hundred."""


class Gather(Protocol):
    """Lists the files of one source. Called by web and workers: it reads no stored bytes."""

    def __call__(self, project_id: UUID, source: str) -> Gathered:
        """Raise `InputRefused` for a source that the project has not, or that is empty."""


class OnEvaluated(Protocol):
    """Follows up on evaluations that were just stored, e.g. with proposals for a person."""

    def __call__(self, evaluation_ids: Sequence[int]) -> None:
        """Be safe to run twice. What it raises is logged, and the evaluations stand."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the host trains and evaluates an app's models.

    Attributes:
        module: run as ``python -m <module> --data DIR --out DIR --config FILE``, see
            `loupe.contract.runtime.training`; it imports neither Django nor Celery.
        evaluate_module: run as ``python -m <module> --artefact DIR --data DIR --out DIR``.
        config_schema: constructible without arguments: the default recipe.
        curves: drawn while it runs, the first one large.
        gate: ``(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]``, pure.
        sources: names a `Sources`; only together with `gather`.
        gather: names a `Gather`: what the host freezes as a version of a dataset, called like the
            source, before anything is trained or measured on it.
        on_evaluated: names an `OnEvaluated`, called in the trainer after every training and
            evaluation.
    """

    module: str
    evaluate_module: str
    config_schema: type[BaseModel]
    curves: tuple[Curve, ...]
    gate: str
    sources: str | None = None
    gather: str | None = None
    on_evaluated: str | None = None
