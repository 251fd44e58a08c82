"""What a phantom is asked to show: which findings, and how it is scanned."""

from dataclasses import dataclass, field

from apps.report_gen.findings import KEYS
from apps.report_gen.phantoms.grid import Chance

SHARES = {
    "lung_nodule": 0.36, "mass": 0.15, "lung_opacity": 0.24, "consolidation": 0.20,
    "atelectasis": 0.22, "emphysema": 0.20, "pleural_effusion": 0.22, "pneumothorax": 0.13,
    "cardiomegaly": 0.22, "pericardial_effusion": 0.14, "arterial_calcification": 0.28,
    "coronary_calcification": 0.25, "hiatal_hernia": 0.15,
}  # fmt: skip
"""How often each finding is wanted in those who have any."""
HEALTHY = 0.12
HELD_OUT_SEEDS = 1_000_000_000
"""Training takes seeds below, everything that judges from here on."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """How the volume is acquired.

    Attributes:
        phase: ``plain``, ``arterial`` or ``venous``.
        sharp: from -1, a soft kernel, to 1, a sharp one.
        noise: spread in HU in the middle of the body, of a voxel of 2 × 1.6 × 1.6 mm.
        thickness: of slices, mm.
        motion: of the heart and the diaphragm, mm.
        tilt: the patient's, degrees around the three axes z, y, x.
        size: the patient's, 1 being usual.
    """

    phase: str = "plain"
    sharp: float = 0.0
    noise: float = 22.0
    thickness: float = 2.0
    motion: float = 0.0
    tilt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be seen, by key of a finding, and the scan.

    Attributes:
        held_out: nodules take their shapes from patients that no training phantom uses.
        distractors: what looks like a finding and is none is drawn as well.
    """

    findings: frozenset[str] = frozenset()
    scan: Scan = field(default_factory=Scan)
    held_out: bool = False
    distractors: bool = True


def some_scan(chance: Chance) -> Scan:
    """A scan as a department makes them."""
    turn = chance.about
    phase = chance.draw.choice(["plain", "arterial", "venous"], p=[0.5, 0.2, 0.3])
    return Scan(
        phase=str(phase),
        sharp=chance.between(-1, 1),
        noise=float(chance.draw.choice([10, 16, 24, 36], p=[0.3, 0.35, 0.25, 0.1])),
        thickness=float(chance.draw.choice([1.0, 2.0, 3.0, 5.0], p=[0.35, 0.3, 0.2, 0.15])),
        motion=max(0.0, chance.about(-1, 2.5)),
        tilt=(turn(0, 2.0), turn(0, 1.5), turn(0, 1.5)),
        size=chance.about(1.0, 0.035),
    )


def some_findings(chance: Chance) -> frozenset[str]:
    """Findings that come together as they do in people, more or less."""
    if chance.happens(HEALTHY):
        return frozenset()
    share = dict(SHARES)
    if chance.happens(0.25):  # a failing heart
        for key in ("cardiomegaly", "pleural_effusion"):
            share[key] = 0.6
        share["pericardial_effusion"] = 0.3
    if chance.happens(0.25):  # an old smoker
        for key in ("emphysema", "arterial_calcification", "coronary_calcification"):
            share[key] = 0.5
    if chance.happens(0.2):  # an infection
        for key in ("consolidation", "lung_opacity"):
            share[key] = 0.5
    return frozenset(key for key in KEYS if chance.happens(share[key]))
