"""Shapes and ratings of real nodules: a small table derived from LIDC-IDRI's annotations.

Source: Armato et al., "The Lung Image Database Consortium (LIDC) and Image Database Resource
Initiative (IDRI)", Medical Physics 38 (2011) 915–931; data CC BY 3.0, The Cancer Imaging Archive,
doi:10.7937/K9/TCIA.2015.LO9QL9SX. What ships, ``lidc_shapes.json``, holds no outline and no
identifier: only measures of each nodule, which `apps.report_gen.phantoms.lidc` makes. Patients are
split: what is held out draws no phantom that anything is trained on.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SHIPPED: Final = Path(__file__).with_name("lidc_shapes.json")
COLUMNS: Final = (
    "diameter", "longest", "tall", "long", "lobed", "spiky",
    "subtlety", "calcified", "margin", "texture", "malignancy",
)  # fmt: skip
"""Diameter of the ball of the same volume and longest axial diameter in mm; height over diameter;
amplitudes of the outline's harmonics 2, 3 to 5 and 6 to 12, as shares of the mean radius; then
the readers' ratings 1 to 5 (calcification 1 to 6, 6 being none)."""


@dataclass(frozen=True)
class Shape:
    """One nodule; the fields are `COLUMNS`."""

    diameter: float
    longest: float
    tall: float
    long: float
    lobed: float
    spiky: float
    subtlety: float
    calcified: float
    margin: float
    texture: float
    malignancy: float


@cache
def shapes(*, held_out: bool = False, path: Path = SHIPPED) -> tuple[Shape, ...]:
    """The nodules of one part of the patients."""
    table = json.loads(path.read_text())
    chosen = [row for row in table["rows"] if bool(row[-1]) is held_out]
    return tuple(Shape(*row[:-1]) for row in chosen)
