"""What Loupe looks for in a chest CT: the typed findings, their words and their form.

Thirteen findings are assessed; the names are those of CT-RATE's labels (Hamamci et al., 2024,
arXiv:2403.17834), and mass and pneumothorax besides. Everything in `NOT_ASSESSED` is said to be so.
Free of Django and of
numerical libraries; plain dataclasses, which pydantic models take as fields.

Volumes are [z, y, x] in RAS: z grows towards the head, y towards the front, and x towards the
patient's right. A side is always the patient's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from loupe.contract.text import Text

SCHEMA_VERSION: Final = 1
MASS_FROM_MM: Final = 30.0
"""A focal lesion of the lung longer than this is a mass (Fleischner Society glossary, 2008)."""


class State(StrEnum):
    """What is said of a finding. `UNCERTAIN` counts as wrong wherever findings are scored."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


class Side(StrEnum):
    """Of the patient; `NONE` for what has no side, as the heart."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"
    NONE = "none"


class Lobe(StrEnum):
    """The five lobes of the lungs."""

    RIGHT_UPPER = "right_upper"
    RIGHT_MIDDLE = "right_middle"
    RIGHT_LOWER = "right_lower"
    LEFT_UPPER = "left_upper"
    LEFT_LOWER = "left_lower"

    @property
    def side(self) -> Side:
        """The lung that it belongs to."""
        return Side.RIGHT if self.value.startswith("right") else Side.LEFT


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of finding.

    Attributes:
        key: stable name in code, tables and the API.
        ct_rate: the column of CT-RATE's table of labels, if there is one.
        sided: a side is told.
        lobed: lobes are told.
        sized: a longest diameter is measured, from the mask.
        focal: it has a mask and can be there several times, each with an id.
        critical: it is to be seen at once.
    """

    key: str
    name: Text
    ct_rate: str | None = None
    sided: bool = False
    lobed: bool = False
    sized: bool = False
    focal: bool = False
    critical: bool = False


FINDINGS: Final[tuple[Kind, ...]] = (
    Kind(
        key="lung_nodule", name=Text(en="Lung nodule", zh="肺结节"), ct_rate="Lung nodule",
        sided=True, lobed=True, sized=True, focal=True,
    ),
    Kind(
        key="mass", name=Text(en="Lung mass", zh="肺肿块"),
        sided=True, lobed=True, sized=True, focal=True, critical=True,
    ),
    Kind(
        key="lung_opacity", name=Text(en="Ground-glass lung opacity", zh="肺磨玻璃影"),
        ct_rate="Lung opacity", sided=True, lobed=True,
    ),
    Kind(
        key="consolidation", name=Text(en="Consolidation", zh="肺实变"), ct_rate="Consolidation",
        sided=True, lobed=True,
    ),
    Kind(
        key="atelectasis", name=Text(en="Atelectasis", zh="肺不张"), ct_rate="Atelectasis",
        sided=True, lobed=True,
    ),
    Kind(
        key="emphysema", name=Text(en="Emphysema", zh="肺气肿"), ct_rate="Emphysema",
        sided=True,
    ),
    Kind(
        key="pleural_effusion", name=Text(en="Pleural effusion", zh="胸腔积液"),
        ct_rate="Pleural effusion", sided=True,
    ),
    Kind(
        key="pneumothorax", name=Text(en="Pneumothorax", zh="气胸"), sided=True, critical=True,
    ),
    Kind(
        key="cardiomegaly", name=Text(en="Cardiomegaly", zh="心脏增大"), ct_rate="Cardiomegaly",
    ),
    Kind(
        key="pericardial_effusion", name=Text(en="Pericardial effusion", zh="心包积液"),
        ct_rate="Pericardial effusion",
    ),
    Kind(
        key="arterial_calcification",
        name=Text(en="Arterial wall calcification", zh="动脉壁钙化"),
        ct_rate="Arterial wall calcification",
    ),
    Kind(
        key="coronary_calcification",
        name=Text(en="Coronary artery wall calcification", zh="冠状动脉壁钙化"),
        ct_rate="Coronary artery wall calcification",
    ),
    Kind(
        key="hiatal_hernia", name=Text(en="Hiatal hernia", zh="食管裂孔疝"),
        ct_rate="Hiatal hernia",
    ),
)  # fmt: skip
"""In the order in which heads, tables and figures list them."""

KEYS: Final[tuple[str, ...]] = tuple(kind.key for kind in FINDINGS)
KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.key: kind for kind in FINDINGS})
FOCAL: Final[tuple[str, ...]] = tuple(kind.key for kind in FINDINGS if kind.focal)

NOT_ASSESSED: Final[tuple[Text, ...]] = (
    Text(en="lymph nodes", zh="淋巴结"),
    Text(en="fibrotic sequelae", zh="肺纤维化后遗改变"),
    Text(en="bronchiectasis", zh="支气管扩张"),
    Text(en="peribronchial thickening", zh="支气管周围增厚"),
    Text(en="interlobular septal thickening", zh="小叶间隔增厚"),
    Text(en="mosaic attenuation", zh="马赛克样密度"),
    Text(en="pulmonary embolism", zh="肺栓塞"),
    Text(en="medical devices", zh="医疗器械"),
    Text(en="bones and soft tissues", zh="骨骼和软组织"),
    Text(en="thyroid and breasts", zh="甲状腺和乳腺"),
    Text(en="upper abdomen", zh="上腹部"),
)
"""Every report says that these were not looked at."""

LOBE_NAMES: Final[Mapping[Lobe, Text]] = MappingProxyType(
    {
        Lobe.RIGHT_UPPER: Text(en="right upper lobe", zh="右肺上叶"),
        Lobe.RIGHT_MIDDLE: Text(en="right middle lobe", zh="右肺中叶"),
        Lobe.RIGHT_LOWER: Text(en="right lower lobe", zh="右肺下叶"),
        Lobe.LEFT_UPPER: Text(en="left upper lobe", zh="左肺上叶"),
        Lobe.LEFT_LOWER: Text(en="left lower lobe", zh="左肺下叶"),
    }
)
STATE_NAMES: Final[Mapping[State, Text]] = MappingProxyType(
    {
        State.PRESENT: Text(en="present", zh="存在"),
        State.ABSENT: Text(en="absent", zh="未见"),
        State.UNCERTAIN: Text(en="uncertain", zh="不确定"),
    }
)
SIDE_NAMES: Final[Mapping[Side, Text]] = MappingProxyType(
    {
        Side.RIGHT: Text(en="right", zh="右侧"),
        Side.LEFT: Text(en="left", zh="左侧"),
        Side.BOTH: Text(en="both sides", zh="双侧"),
        Side.NONE: Text(en="", zh=""),
    }
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding of one study.

    A focal finding that is present appears once for each lesion, with ids ``lung_nodule.1`` and so
    on; every other finding once, its id being its key.

    Attributes:
        probability: calibrated, of being present; 1 or 0 in a truth.
        lobes: where, for kinds that are told by lobe.
        size_mm: longest diameter in an axial plane, from the mask.
        volume_ml: of the mask.
        centre: z, y, x in mm from the centre of the volume's first voxel, along its axes.
        box: first and last mm along z, y, x, from the same point.
        label: the value of this finding's voxels in the study's mask; 0 if it has none.
    """

    id: str
    kind: str
    state: State
    probability: float
    side: Side = Side.NONE
    lobes: tuple[Lobe, ...] = ()
    size_mm: float | None = None
    volume_ml: float | None = None
    centre: tuple[float, float, float] | None = None
    box: tuple[tuple[float, float], tuple[float, float], tuple[float, float]] | None = None
    label: int = 0


@dataclass(frozen=True, kw_only=True)
class FindingSet:
    """Every finding of one study, present or not, in the order of `FINDINGS`."""

    findings: tuple[Finding, ...]
    schema_version: int = SCHEMA_VERSION

    def present(self) -> tuple[Finding, ...]:
        """Those said to be present."""
        return tuple(each for each in self.findings if each.state is State.PRESENT)

    def states(self) -> dict[str, State]:
        """The state of each kind: present if one of its findings is, else uncertain if one is."""
        rank = {State.ABSENT: 0, State.UNCERTAIN: 1, State.PRESENT: 2}
        told = dict.fromkeys(KEYS, State.ABSENT)
        for each in self.findings:
            told[each.kind] = max(told[each.kind], each.state, key=rank.__getitem__)
        return told


def side_of(lobes: tuple[Lobe, ...]) -> Side:
    """The side that lobes lie on; `NONE` for no lobes."""
    sides = {lobe.side for lobe in lobes}
    if len(sides) == 2:
        return Side.BOTH
    return next(iter(sides), Side.NONE)
