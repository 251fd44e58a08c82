"""What an evaluation says: figures with intervals, curves, a confusion matrix, mistakes to look at.

Written as ``panel.json`` beside an artefact. Free of Django.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Frozen):
    """One number. `low` and `high` bound it with 95 % confidence, where that was computed."""

    key: str
    en: str
    zh: str
    value: float | None = Field(description="None: not defined on this data")
    low: float | None = None
    high: float | None = None
    count: int | None = Field(default=None, description="samples it rests on")
    better: Literal["higher", "lower"] = "higher"


class Slice(_Frozen):
    """The same figures for one part of the data: a class, a lot."""

    key: str
    en: str
    zh: str
    figures: tuple[Figure, ...]


class Plot(_Frozen):
    """A curve to draw; `points` are x, y pairs in order of x."""

    key: str
    en: str
    zh: str
    x_en: str
    x_zh: str
    y_en: str
    y_zh: str
    points: tuple[tuple[float, float], ...]


class Confusion(_Frozen):
    """Counts; ``values[row][column]``, rows are the truth, columns what was said."""

    labels: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]


class Mistake(_Frozen):
    """One of the worst: `picture` is a file below ``pictures/``."""

    kind: Literal["miss", "false_alarm"]
    record: str
    label: str
    score: float = Field(description="what the model gave it; of a miss its best overlapping box")
    picture: str


class GateRow(_Frozen):
    """One condition of promotion and whether it holds."""

    key: str
    en: str
    zh: str
    holds: bool


class Panel(_Frozen):
    """Everything an evaluation found."""

    schema_version: Literal[1] = 1
    artefact_sha256: str = ""
    dataset: str = Field(default="", description="name and version, or the folder's name")
    runtime: str = ""
    figures: tuple[Figure, ...] = ()
    slices: tuple[Slice, ...] = ()
    plots: tuple[Plot, ...] = ()
    confusion: Confusion | None = None
    mistakes: tuple[Mistake, ...] = ()

    def figure(self, key: str) -> Figure | None:
        """The figure of that key, if there is one."""
        return next((figure for figure in self.figures if figure.key == key), None)
