"""What has to hold before a report model goes into production. Pure, and free of numerics."""

from typing import Final

from loupe.contract.runtime.panel import GateRow, Panel

NO_WORSE: Final = 0.02
"""Macro-F1 below that of what is in production, on the same studies."""
LEAST_PATIENTS: Final = 20


def gate(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]:
    """The conditions: measured on other patients, better than chance, no worse than what serves."""
    patients = _value(candidate, "held_out_patients")
    mine, chance = _value(candidate, "macro_f1"), _value(candidate, "random_deal")
    rows = [
        GateRow(
            key="patients",
            en=f"Measured on at least {LEAST_PATIENTS} patients that were not learned from",
            zh=f"已在至少 {LEAST_PATIENTS} 名未参与训练的患者上评估",
            holds=patients is not None and patients >= LEAST_PATIENTS,
        ),
        GateRow(
            key="chance",
            en="Macro-F1 of findings above that of answers dealt at random",
            zh="征象宏平均 F1 高于随机分配的答案",
            holds=mine is not None and chance is not None and mine > chance,
        ),
    ]
    theirs = None if production is None else _value(production, "macro_f1")
    if theirs is not None:
        rows.append(
            GateRow(
                key="no_worse",
                en=f"Macro-F1 at most {NO_WORSE:g} below the version in production",
                zh=f"宏平均 F1 与生产版本相比最多低 {NO_WORSE:g}",
                holds=mine is not None and mine >= theirs - NO_WORSE,
            )
        )
    return tuple(rows)


def _value(panel: Panel, key: str) -> float | None:
    figure = panel.figure(key)
    return figure.value if figure is not None else None
