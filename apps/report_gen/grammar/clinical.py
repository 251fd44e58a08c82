"""Clinical texts for training: indication, history, lab lines, with what is asked.

What a text asks, mentions or claims is drawn apart from the findings: nothing in it tells what the
volume shows, so nothing can be learned from it about the volume.
"""

from typing import NamedTuple

import numpy as np

from apps.report_gen.findings import KEYS, KINDS
from apps.report_gen.grammar.writing import LANGUAGES

ASKS = {
    "en": (
        "Question: {name}?", "Rule out {name}.", "Suspected {name}.", "Is there {name}?",
        "Please assess for {name}.", "?{name}", "Follow-up of known {name}.", "Evaluate {name}.",
    ),
    "zh": (
        "临床疑问：{name}？", "排除{name}。", "怀疑{name}。", "有无{name}？", "请评估{name}。",
        "{name}复查。", "{name}待查。",
    ),
}  # fmt: skip
SIGNS = {
    "en": {
        "pneumothorax": ("Sudden chest pain and dyspnoea after a fall.",),
        "consolidation": ("Fever and productive cough, pneumonia?", "CRP 180 mg/L, pneumonia?"),
        "mass": ("Weight loss, haemoptysis, tumour?", "Suspected lung cancer."),
        "lung_nodule": ("Nodule on a chest radiograph.", "Screening for lung cancer."),
        "cardiomegaly": ("NT-proBNP 4200 ng/L, heart failure?",),
        "emphysema": ("COPD, 40 pack-years.",),
        "pleural_effusion": ("Dull percussion at the base.",),
        "coronary_calcification": ("Coronary risk assessment.",),
    },
    "zh": {
        "pneumothorax": ("外伤后突发胸痛、呼吸困难。",),
        "consolidation": ("发热、咳嗽、咳痰，肺炎？", "CRP 180 mg/L，肺炎？"),
        "mass": ("消瘦、咯血，肿瘤？", "怀疑肺癌。"),
        "lung_nodule": ("胸片发现结节。", "肺癌筛查。"),
        "cardiomegaly": ("NT-proBNP 4200 ng/L，心衰？",),
        "emphysema": ("慢阻肺，吸烟40包年。",),
        "pleural_effusion": ("肺底叩诊浊音。",),
        "coronary_calcification": ("冠心病风险评估。",),
    },
}
AROUND = {
    "en": (
        "{age}-year-old woman.", "{age} y, male.", "Routine check.", "Preoperative.", "Cough.",
        "Haemoglobin {hb} g/L.", "Prior CT not available.", "History of hypertension.", "Staging.",
    ),
    "zh": (
        "女，{age}岁。", "男性，{age}岁。", "体检。", "术前检查。", "咳嗽。", "血红蛋白{hb} g/L。",
        "无既往CT。", "高血压病史。", "分期检查。",
    ),
}  # fmt: skip


class Clinical(NamedTuple):
    """A text and the kind it asks for, if it asks for one."""

    text: str
    asked: str | None


def some_text(draw: np.random.Generator, language: str) -> Clinical:
    """One clinical text; one in five is empty, one in four of the others asks nothing."""
    if draw.random() < 0.2:
        return Clinical("", None)
    around = AROUND[language]
    parts = [
        around[int(draw.integers(len(around)))].format(
            age=int(draw.integers(19, 94)), hb=int(draw.integers(70, 170))
        )
        for _ in range(int(draw.integers(0, 3)))
    ]
    asked = None
    if draw.random() < 0.75:
        asked = KEYS[int(draw.integers(len(KEYS)))]
        options = [*_asks(language, asked), *2 * SIGNS[language].get(asked, ())]
        parts.insert(int(draw.integers(len(parts) + 1)), options[int(draw.integers(len(options)))])
    space = " " if language == "en" else ""
    return Clinical(space.join(parts), asked)


def _asks(language: str, key: str) -> list[str]:
    words = LANGUAGES[language]
    names = {*words.names[key], KINDS[key].name.in_language(language)}
    return [ask.format(name=name) for ask in ASKS[language] for name in sorted(names)]
