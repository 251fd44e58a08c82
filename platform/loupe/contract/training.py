"""What an app declares so that its models can be trained, evaluated and let into production."""

from dataclasses import dataclass

from pydantic import BaseModel

from loupe.contract.text import Text


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One live curve of a training: `key` is the name it is reported under."""

    key: str
    label: Text
    higher_is_better: bool


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
    """

    module: str
    evaluate_module: str
    config_schema: type[BaseModel]
    curves: tuple[Curve, ...]
    gate: str
