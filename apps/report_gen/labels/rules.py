"""What each of CT-RATE's labels means in words: one rule a label, English and Chinese."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Words that say a label, unless they are denied.

    Attributes:
        label: CT-RATE's column.
        found: the finding itself; what is denied or not is asked of each place it is found at.
        also: must stand in the same sentence.
        unless: must not stand in the same sentence.
        apart: is taken out of a clause before it is looked at: words that look like the finding.
    """

    label: str
    found: re.Pattern[str]
    also: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    apart: re.Pattern[str] | None = None


def _any_of(*options: str) -> re.Pattern[str]:
    return re.compile("|".join(options), re.IGNORECASE)


CALCIFIED: Final = _any_of(
    r"calcif\w*", r"calcific\b", r"atherom\w*", r"atheroscle\w*", r"\bplaques?\b", "钙化"
)
NOT_LUNG: Final = _any_of(
    r"thyroid",
    r"\bbreast",
    r"adrenal",
    r"\bliver",
    r"hepat",
    r"spleen",
    r"splenic",
    r"kidney",
    r"\brenal",
    r"pancrea",
    r"vertebra",
    r"\bbone",
    r"\bskin",
    r"subcutan",
    r"omental",
    r"peritone",
    r"retroareolar",
    r"gland\b",
    r"mesenter",
    r"gallbladder",
    r"scapula",
    r"\brib\b",
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        label="Medical material",
        found=_any_of(
            r"\bcatheters?\b",
            r"\bport chamber",
            r"\bport\b",
            r"\bporta? catheter",
            r"\btubes?\b",
            r"\bstents?\b",
            r"\bsutures?\b",
            r"pacemaker",
            r"prosthe\w+",
            r"\bcannula",
            r"\bclips?\b",
            r"electrode",
            r"\bmetallic\b",
            r"\bdrain\b",
            r"\bimplants?\b",
            r"\bwires?\b",
            r"\bscrews?\b",
            r"stabili[sz]\w+ (?:material|rod|device)",
            r"(?:valve|aortic) (?:replacement|graft)",
            r"\bdevice",
            r"surgical material",
            r"\bmesh\b",
            r"stapl\w+",
            r"\bfilters?\b",
            r"instrument\w*",
        ),
        apart=_any_of(r"omental implants?", r"eustachian tube", r"implants? (?:metasta\w+)"),
    ),
    Rule(
        label="Arterial wall calcification",
        found=CALCIFIED,
        also=_any_of(
            r"\baort(?:a|as|ic|oa\w+)\b",
            r"thoracoabdominal",
            r"supraaortic",
            r"\barter(?:y|ies|ial)\b",
            r"main vascular",
            r"vascular structures",
            r"\biliac",
            r"carotid",
            r"subclavian",
            "(?<!冠状)动脉",
        ),
        apart=_any_of(
            r"coronary (?:arter\w+|vascular structures?|vessels?|wall)",
            r"(?:aortic|mitral) (?:valve|annul\w+)\w*",
            r"pulmonary arter\w+",
            r"abdominal aorta\w*",
            r"pleural (?:calcif\w+ )?plaques?",
            r"coronary arter\w+",
            r"aorticopulmonary",
            r"aortopulmonary",
            r"冠状动脉(?:壁)?",
        ),
    ),
    Rule(
        label="Cardiomegaly",
        found=_any_of(
            r"cardiomeg\w*",
            r"cardiomeal\w*",
            r"heart (?:size|dimension|volume)\w* (?:\w+ ){0,3}?(?:increas\w+|enlarg\w+|larger?)",
            r"heart (?:size|dimension|volume)\w* (?:\w+ ){0,3}?above",
            r"(?:increas\w*|enlarge\w*) (?:\w+ ){0,3}?(?:heart|cardiac) (?:size|dimension)\w*",
            r"enlargement of the heart",
            r"enlarged heart",
            r"heart (?:is|was|appears?) (?:\w+ ){0,2}?(?:larger?|enlarged)",
            r"cardiothoracic (?:index|ratio) (?:\w+ ){0,4}?(?:increas\w+|enlarg\w+|greater|above)",
            r"increase\w* (?:\w+ ){0,3}?cardiothoracic (?:index|ratio)",
            r"in favou?r of the heart",
            r"心脏增大",
            r"心影增大",
        ),
    ),
    Rule(
        label="Pericardial effusion",
        found=_any_of(r"effusions?", r"\bfluid\b", r"smear\w*", "心包积液", "心包腔液体"),
        also=_any_of(r"pericard\w*", "心包"),
    ),
    Rule(
        label="Coronary artery wall calcification",
        found=_any_of(CALCIFIED.pattern, r"stents?"),
        also=_any_of(r"\bcoronar\w+", r"\blad\b", r"\brca\b", r"circumflex", r"\bcx\b", "冠状动脉"),
    ),
    Rule(
        label="Hiatal hernia",
        found=_any_of(
            r"hiatal\W+hern\w*",
            r"hiatus hern\w*",
            r"sliding (?:type )?hern\w*",
            r"hern\w* (?:\w+ ){0,6}?hiatus",
            r"diaphragmatic hernia",
            "食管裂孔疝",
            "裂孔疝",
        ),
    ),
    Rule(
        label="Lymphadenopathy",
        found=_any_of(
            r"lymph\s?nodes?",
            r"lymphadenopath\w*",
            r"\blaps?\b",
            r"lymphadenomegal\w*",
            "淋巴结肿大",
        ),
        apart=_any_of(
            r"intra\W?(?:pulmonary|mammar\w+|paren\w+) lymph nodes?", r"lymph node stations?"
        ),
    ),
    Rule(
        label="Emphysema",
        found=_any_of(r"emphysem\w*", r"\bbulla\w*", r"\bblebs?\b", r"\bemfizem\w*", "肺气肿"),
        apart=_any_of(
            r"subcutaneous emphysema", r"emphysema (?:in|of|under) the (?:skin|subcutaneous)\w*"
        ),
    ),
    Rule(
        label="Atelectasis",
        found=_any_of(
            r"(?<!fibro)(?<!fibro )(?<!fibro-)at[ei]l[ei]c?t\w*",
            r"atelecs?t\w*",
            r"atelec\w*",
            r"\bcollaps(?:e|ed)\b",
            "肺不张",
            "膨胀不全",
        ),
        apart=_any_of(
            r"fibro\W?\s?atelec\w*",
            r"vertebra\w* (?:\w+ ){0,3}collapse",
            r"collapse (?:\w+ ){0,4}vertebra\w*",
        ),
    ),
    Rule(
        label="Lung nodule",
        found=_any_of(
            r"(?<!micro)\bnod(?:ule|ules|ul)\b",
            r"\bnodular lesions?\b",
            r"nodular (?:densit\w+|formation)",
            r"\bmicronodules?\b",
            "肺结节",
            "结节影",
            "枚.{0,8}结节",
        ),
        unless=NOT_LUNG,
        apart=_any_of(
            r"pleural nodul\w+", r"schmorl\w* nodul\w+", r"thyroid nodul\w+", r"lymph node\w*"
        ),
    ),
    Rule(
        label="Lung opacity",
        found=_any_of(
            r"ground\W?\s?glass\w*",
            r"\bgg[on]s?\b",
            r"opacit\w+",
            r"crazy[ -]?paving",
            r"frosted glass",
            "磨玻璃",
        ),
        unless=NOT_LUNG,
        apart=_any_of(r"(?:acinar|micronodular) opacit\w+"),
    ),
    Rule(
        label="Lung opacity",
        found=_any_of(
            r"densit(?:y|ies) increases?",
            r"increas\w+ (?:\w+ ){0,3}?densit\w+",
            r"infiltration areas?",
            r"areas? of (?:\w+ )?infiltration",
        ),
        unless=_any_of(
            NOT_LUNG.pattern,
            r"sequel\w*",
            r"fibro\w*",
            r"atelec\w*",
            r"linear",
            r"\bfat(?:ty)?\b",
            r"adipose",
            r"mediastin\w*",
            r"reticul\w*",
            r"soft tissue",
            r"peribronch\w*",
            r"pleural? parenchymal",
        ),
    ),
    Rule(
        label="Pulmonary fibrotic sequela",
        found=_any_of(
            r"sequel\w*",
            r"fibro(?!adenom|ma)\w*",
            r"parenchymal bands?",
            r"\bscar\w*",
            r"band formations?",
        ),
        unless=NOT_LUNG,
        apart=_any_of(
            r"sequel\w* (?:calcific )?(?:lymph )?nod\w+",
            r"calcific sequel\w* nod\w+",
            r"pulmonary fibrosis",
            r"bands? and interlobular",
        ),
    ),
    Rule(
        label="Pleural effusion",
        found=_any_of(
            r"effusions?",
            r"\bfluid\b",
            r"hydrothora\w+",
            r"hydropneumothora\w+",
            r"hemothora\w+",
            r"pleural smear\w*",
            "胸腔积液",
            "胸膜腔液体",
        ),
        also=_any_of(
            r"pleura\w*",
            r"hemithora\w*",
            r"\bbilateral",
            r"lungs?\b",
            r"thora\w+",
            r"on the (?:left|right)",
            "胸腔",
            "胸膜",
        ),
        unless=_any_of(
            r"perirenal",
            r"perinephric",
            r"kidneys?\b",
            r"in the pericardi\w+ (?:area|space)",
            r"(?:area|part) of the pericardi\w+",
            r"\bjoint",
        ),
        apart=_any_of(
            r"pericardial (?:and )?effusions?",
            r"effusions? in the pericard\w+",
            r"(?:perihepatic|intraabdominal|abdominal|free) fluid",
        ),
    ),
    Rule(
        label="Mosaic attenuation pattern",
        found=_any_of(r"mosaic\w*"),
    ),
    Rule(
        label="Peribronchial thickening",
        found=_any_of(
            r"peribronch\w* (?:\w+ ){0,4}?(?:thick\w*|densit\w*)",
            r"thick\w* (?:\w+ ){0,5}?(?:peribronch\w*|bronchial walls?|bronchi\b)",
            r"bronch\w* wall (?:\w+ ){0,2}?thick\w*",
        ),
    ),
    Rule(
        label="Consolidation",
        found=_any_of(r"consolid\w*", "实变"),
    ),
    Rule(
        label="Bronchiectasis",
        found=_any_of(
            r"bronch\w*\W?ec?tas\w*",
            r"bronchial ectas\w*",
            r"bronchiolectas\w*",
            r"ectas\w* (?:\w+ ){0,4}?bronch\w*",
            r"bronchi\w* (?:\w+ ){0,3}?(?:dilat\w+|enlarge\w+)",
            r"(?:dilat\w+|enlargement|expansion) (?:\w+ ){0,5}?bronchi\w*",
        ),
    ),
    Rule(
        label="Interlobular septal thickening",
        found=_any_of(
            r"(?:inter\w*|intra\w*)?\s?\bsept\w* (?:\w+ ){0,3}?thick\w*",
            r"interlobular (?:\w+ ){0,3}?thick\w*",
            r"thick\w* (?:\w+ ){0,8}?(?:interlobular|septa)\w*",
            r"crazy[ -]?paving",
            r"interlobular sept\w+",
        ),
    ),
)

LABELS: Final[tuple[str, ...]] = tuple(dict.fromkeys(each.label for each in RULES))
"""CT-RATE's eighteen, in the order of its table."""
