"""Which findings a clinical question names, in English or Chinese.

Words alone decide: what is asked about is answered first, and nothing is found because of it.
"""

import re
from collections.abc import Sequence
from typing import Final

MOST_ASKED: Final = 4
"""Answers that one report begins with."""
LONGEST: Final = 4000
"""Characters of a question that are read."""
_CLAUSE: Final = re.compile(r"\.(?=\s|$)|[;,\n。；，、]|\b(?:but|however)\b|但", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"(?:\b(?:no|without|denies|negative for|free of)\b|未见|否认|(?<!有)无)[^?？]*$", re.IGNORECASE
)


def _any_of(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_NAMED: Final[Sequence[tuple[re.Pattern[str], tuple[str, ...]]]] = (
    (_any_of(r"\bnodul\w*", "结节"), ("lung_nodule",)),
    (_any_of(r"\bmass(?:es)?\b", "肿块"), ("mass",)),
    (
        _any_of(
            r"\btumou?rs?\b", r"\bcancer\b", r"carcinoma\w*", r"\bmalignan\w*", r"\bneoplas\w*",
            "肿瘤", "肺癌", "占位", "恶性",
        ),
        ("lung_nodule", "mass"),
    ),
    (
        _any_of(r"ground[- ]glass", r"\bggos?\b", r"\binfiltrat\w*", "磨玻璃", "浸润"),
        ("lung_opacity",),
    ),
    (_any_of(r"\bconsolidati\w*", "实变"), ("consolidation",)),
    (_any_of(r"pneumonias?\b", "肺炎"), ("consolidation", "lung_opacity")),
    (
        _any_of(r"atelecta\w*", r"(?:lung|lobar) collapse", r"collapsed (?:lung|lobe)", "肺不张",
                "膨胀不全"),
        ("atelectasis",),
    ),
    (_any_of(r"emphysem\w*", r"\bcopd\b", "肺气肿", "慢阻肺"), ("emphysema",)),
    (
        _any_of(r"(?<!pericardial )\beffusions?\b", r"pleural fluid", "胸腔积液", "胸水",
                "胸膜腔液体"),
        ("pleural_effusion",),
    ),
    (_any_of(r"pneumothora\w*", r"pleural air", "气胸", "胸膜腔积气"), ("pneumothorax",)),
    (
        _any_of(r"cardiomegaly", r"enlarge\w* (?:of the )?heart", r"heart failure", "心脏增大",
                "心影增大", "心衰", "心力衰竭"),
        ("cardiomegaly",),
    ),
    (
        _any_of(r"pericardial (?:effusions?|fluid)", "心包积液", "心包腔液体"),
        ("pericardial_effusion",),
    ),
    (
        _any_of(r"(?:aortic|arterial)(?: wall)? calcif\w*", r"atheroscler\w*",
                "(?<!冠状)动脉壁?钙化", "(?<!冠状)动脉(?:粥样)?硬化"),
        ("arterial_calcification",),
    ),
    (_any_of(r"\bcoronary\b", "冠状动脉", "冠脉", "冠心病"), ("coronary_calcification",)),
    (
        _any_of(r"hiat\w+ hernia\w*", r"herniation of the stomach", "裂孔疝"),
        ("hiatal_hernia",),
    ),
)  # fmt: skip


def asked_in(question: str) -> tuple[str, ...]:
    """Kinds that a question names and does not deny, in the order of their names; `MOST_ASKED`."""
    named: dict[str, None] = {}
    for clause in _CLAUSE.split(question[:LONGEST]):
        found = [
            (match.start(), kinds)
            for pattern, kinds in _NAMED
            for match in pattern.finditer(clause or "")
            if not _DENIED.search(clause[: match.start()])
        ]
        for _, kinds in sorted(found):
            named |= dict.fromkeys(kinds)
    return tuple(named)[:MOST_ASKED]
