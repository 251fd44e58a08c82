"""What a training does: the default recipe, the one for small sets, and every knob between them.

A recipe is plain data: it is stored with the run, read back for a resume and compared in tests.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from loupe.contract.runtime.errors import InputRefused

OPTIMIZERS = ("adamw", "musgd", "sgd")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a detector is trained, apart from data and seed.

    Lengths are fractions of the training unless they say otherwise; chances are per picture.
    """

    architecture: str = "yolo11n"
    size: int = 640  # side of the square the network sees, pixels
    epochs: int = 150  # an epoch is as many composed pictures as the split has
    seconds: float = 0.0  # above 0: as many epochs as fit into this time replace `epochs`
    batch: int = 64
    optimizer: str = "musgd"
    learning_rate: float = 0.01
    final_rate: float = 0.01  # of learning_rate, at the end
    schedule: str = "linear"  # or "cosine", or "flat": constant, then a linear fall
    momentum: float = 0.9
    weight_decay: float = 0.0005
    warmup_epochs: float = 3.0
    ema_decay: float = 0.9999
    ema_tau: float = 2000.0  # steps over which the moving average becomes slow
    patience: int = 30  # measurements without a better one before it stops; 0: never
    measure_every: int = 2  # epochs between two measurements on the validation split
    mosaic: float = 1.0  # chance
    plain_end: float = 0.15  # without mosaic and pasted defects
    scale: float = 0.25  # zoom within 1 ± this
    translate: float = 0.1  # of the side
    turns: bool = True  # all eight flips and quarter turns; otherwise left-right flips
    brightness: float = 0.4
    saturation: float = 0.7
    hue: float = 0.015  # of the circle
    contrast: float = 0.0
    blur: float = 0.0  # chance
    noise: float = 0.0  # standard deviation, of the full range
    thickness: float = 0.0  # chance that dark or bright structures grow by a pixel
    paste: float = 0.0  # mean number of defects pasted from other pictures
    paste_margin: float = 0.5  # of the box's side, taken along around a pasted defect
    box: float = 7.5
    classes: float = 0.5
    dfl: float = 1.5
    end2end: bool = False  # YOLO26 only: choose by its head without NMS
    deterministic: bool = False  # the same figures each time on one device, a little slower

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with.

        Raises:
            InputRefused: names the field, its value and what is allowed.
        """
        _check("optimizer", self.optimizer, OPTIMIZERS)
        _check("schedule", self.schedule, ("linear", "cosine", "flat"))
        for name in ("epochs", "batch", "measure_every"):
            if getattr(self, name) < 1:
                raise InputRefused(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.size % 32 or not 64 <= self.size <= 2048:
            raise InputRefused(f"size is {self.size}; multiples of 32 from 64 to 2048 are trained.")

    def with_(self, **changes: Any) -> "Recipe":
        """The same recipe with some fields changed."""
        return dataclasses.replace(self, **changes)


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(repr(each) for each in allowed)
        raise InputRefused(f"{name} is {value!r}; choose one of {choices}.")


DEFAULT = Recipe()
SMALL = Recipe(epochs=600)
SMALL_BELOW = 400
"""Training pictures below which a set is small."""
