"""The labelled panel as the host's: figures and a slice for each finding."""

from typing import Any

from apps.report_gen.findings import FINDINGS
from loupe.contract.runtime.panel import Figure, Panel, Slice

_WORDS = {
    "f1": ("F1", "F1"),
    "mcc": ("Matthews' correlation", "马修斯相关系数"),
    "sensitivity": ("Sensitivity", "灵敏度"),
    "specificity": ("Specificity", "特异度"),
    "brier_skill": ("Brier skill", "Brier 技巧得分"),
}


def host_panel(panel: dict[str, Any], dataset: str, *, held_out: bool) -> Panel:
    """Of `apps.report_gen.evaluation.labelled.labelled_panel`.

    Args:
        held_out: whether the judged patients were kept from learning.
    """
    value, low, high = panel["macro_f1"]
    return Panel(
        dataset=dataset,
        runtime="torch",
        figures=(
            Figure(
                key="macro_f1", en="Macro-F1 of findings", zh="征象宏平均 F1", value=value, low=low,
                high=high, count=panel["studies"],
            ),
            Figure(
                key="distinct", en="Distinct sets of findings", zh="不同征象组合比例",
                value=panel["distinct_finding_sets"],
            ),
            Figure(
                key="held_out_patients", en="Patients kept from learning", zh="未参与训练的患者数",
                value=panel["patients"] if held_out else 0,
            ),
            Figure(
                key="random_deal", en="Control: dealt at random", zh="对照：随机分配",
                value=panel["controls"]["random_deal"], better="lower",
            ),
        ),
        slices=tuple(
            Slice(
                key=kind.key, en=kind.name.en, zh=kind.name.zh,
                figures=tuple(
                    Figure(
                        key=key, en=en, zh=zh, value=panel["findings"][kind.key].get(key),
                        count=panel["findings"][kind.key].get("n"),
                    )
                    for key, (en, zh) in _WORDS.items()
                ),
            )
            for kind in FINDINGS
        ),
    )  # fmt: skip
