"""Codes of what is said: SNOMED CT (SCT), DICOM (DCM) and, for FHIR, names of Loupe's own.

SCT and DCM codes are those of PS3.16 and of SNOMED's international edition; a kind for which none
fits is coded by morphology and place.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from apps.report_gen.findings import Lobe, Side, State
from apps.report_gen.outputs.wording import dicom_text


class Coded(NamedTuple):
    """One concept: scheme as DICOM names it, value, meaning of at most 64 characters."""

    scheme: str
    value: str
    meaning: str


FHIR_SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SCT": "http://snomed.info/sct",
        "DCM": "http://dicom.nema.org/resources/ontology/DCM",
        "LN": "http://loinc.org",
    }
)
KIND_SYSTEM: Final = "urn:loupe:report_gen:finding"
"""The system of Loupe's own keys of findings, which are those of `findings.KINDS`."""

FINDING_CODES: Final[Mapping[str, Coded]] = MappingProxyType(
    {
        "lung_nodule": Coded("SCT", "27925004", "Nodule"),
        "mass": Coded("SCT", "4147007", "Mass"),
        "lung_opacity": Coded("DCM", "112120", "Ground glass opacity"),
        "consolidation": Coded("SCT", "95436008", "Lung consolidation"),
        "atelectasis": Coded("SCT", "46621007", "Atelectasis"),
        "emphysema": Coded("SCT", "87433001", "Pulmonary emphysema"),
        "pleural_effusion": Coded("SCT", "60046008", "Pleural effusion"),
        "pneumothorax": Coded("SCT", "36118008", "Pneumothorax"),
        "cardiomegaly": Coded("SCT", "8186001", "Cardiomegaly"),
        "pericardial_effusion": Coded("SCT", "373945007", "Pericardial effusion"),
        "arterial_calcification": Coded("DCM", "112063", "Abnormal calcifications"),
        "coronary_calcification": Coded("SCT", "445512009", "Calcification of coronary artery"),
        "hiatal_hernia": Coded("SCT", "84089009", "Hiatal hernia"),
    }
)
LUNG: Final = Coded("SCT", "39607008", "Lung")
SITES: Final[Mapping[str, Coded]] = MappingProxyType(
    {
        "pleural_effusion": Coded("SCT", "3120008", "Pleura"),
        "pneumothorax": Coded("SCT", "3120008", "Pleura"),
        "cardiomegaly": Coded("SCT", "80891009", "Heart"),
        "pericardial_effusion": Coded("SCT", "76848001", "Pericardium"),
        "arterial_calcification": Coded("SCT", "51114001", "Artery"),
        "coronary_calcification": Coded("SCT", "41801008", "Coronary artery"),
        "hiatal_hernia": Coded("SCT", "280062008", "Esophageal Hiatus"),
    }
)
"""Where a kind is; every other one is in the lung."""

SIDES: Final[Mapping[Side, Coded]] = MappingProxyType(
    {
        Side.RIGHT: Coded("SCT", "24028007", "Right"),
        Side.LEFT: Coded("SCT", "7771000", "Left"),
        Side.BOTH: Coded("SCT", "51440002", "Bilateral"),
    }
)
LOBES: Final[Mapping[Lobe, Coded]] = MappingProxyType(
    {
        Lobe.RIGHT_UPPER: Coded("SCT", "42400003", "Upper lobe of right lung"),
        Lobe.RIGHT_MIDDLE: Coded("SCT", "72481006", "Middle lobe of right lung"),
        Lobe.RIGHT_LOWER: Coded("SCT", "266005", "Lower lobe of right lung"),
        Lobe.LEFT_UPPER: Coded("SCT", "44714003", "Upper lobe of left lung"),
        Lobe.LEFT_LOWER: Coded("SCT", "41224006", "Lower lobe of left lung"),
    }
)
DICOM_LOBES: Final[Mapping[Lobe, tuple[Coded, Side | None]]] = MappingProxyType(
    {
        Lobe.RIGHT_UPPER: (Coded("SCT", "45653009", "Upper lobe of lung"), Side.RIGHT),
        Lobe.RIGHT_MIDDLE: (Coded("SCT", "72481006", "Middle lobe of right lung"), None),
        Lobe.RIGHT_LOWER: (Coded("SCT", "90572001", "Lower lobe of lung"), Side.RIGHT),
        Lobe.LEFT_UPPER: (Coded("SCT", "45653009", "Upper lobe of lung"), Side.LEFT),
        Lobe.LEFT_LOWER: (Coded("SCT", "90572001", "Lower lobe of lung"), Side.LEFT),
    }
)
"""As context group 6170 of PS3.16 has them: the lobe, and the side where the code has none."""

PRESENCE: Final = Coded("DCM", "121052", "Presence of property")
STATES: Final[Mapping[State, Coded]] = MappingProxyType(
    {
        State.PRESENT: Coded("DCM", "121053", "Present"),
        State.ABSENT: Coded("DCM", "121054", "Absent"),
        State.UNCERTAIN: Coded("DCM", "121059", "Presence Undetermined"),
    }
)
FHIR_STATES: Final[Mapping[State, Coded]] = MappingProxyType(
    {
        State.PRESENT: Coded("SCT", "52101004", "Present"),
        State.ABSENT: Coded("SCT", "2667000", "Absent"),
        State.UNCERTAIN: Coded("SCT", "82334004", "Indeterminate"),
    }
)
LONG_AXIS: Final = Coded("SCT", "103339001", "Long axis")
VOLUME: Final = Coded("SCT", "118565006", "Volume")
CERTAINTY: Final = Coded("DCM", "111012", "Certainty of Finding")
CHEST_CT: Final = Coded("LN", "24627-2", "CT Chest")


def finding_code(kind: str) -> Coded:
    """The code of a kind; one of Loupe's own for a kind that is not known."""
    known = FINDING_CODES.get(kind)
    if known is not None:
        return known
    return Coded("99LOUPE", dicom_text(kind, 16) or "other", dicom_text(kind) or "other")


def site_code(kind: str) -> Coded:
    """Where a kind is."""
    return SITES.get(kind, LUNG)
