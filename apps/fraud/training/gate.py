"""What has to hold before a fraud model goes into production. Pure, and free of numerics."""

from loupe.contract.runtime.panel import GateRow, Panel

NO_WORSE = 0.01
"""Recall at the budget, and average precision, below those of what is in production."""
LEAST_FRAUDS = 30


def gate(candidate: Panel, production: Panel | None) -> tuple[GateRow, ...]:
    """The conditions: measured on frauds enough, better than rules, no worse than what serves."""
    recall = candidate.figure("recall_at_fpr")
    count = recall.count if recall is not None else None
    rows = [
        GateRow(
            key="frauds",
            en=f"Measured on at least {LEAST_FRAUDS} frauds",
            zh=f"已在至少 {LEAST_FRAUDS} 笔欺诈上评估",
            holds=count is not None and count >= LEAST_FRAUDS,
        )
    ]
    rules = next((one for one in candidate.slices if one.key == "rules"), None)
    if rules is not None:
        theirs = next((one.value for one in rules.figures if one.key == "average_precision"), None)
        mine = _value(candidate, "average_precision")
        rows.append(
            GateRow(
                key="rules",
                en="Average precision above that of plain rules",
                zh="平均精确率高于基础规则",
                holds=mine is not None and (theirs is None or mine > theirs),
            )
        )
    if production is not None:
        for key, en, zh in (
            ("recall_at_fpr", "Recall at 0.02 % false positives", "误报率 0.02% 下的召回率"),
            ("average_precision", "Average precision", "平均精确率"),
        ):
            mine, theirs = _value(candidate, key), _value(production, key)
            if theirs is not None:
                rows.append(
                    GateRow(
                        key=f"no_worse_{key}",
                        en=f"{en} at most {NO_WORSE:g} below the version in production",
                        zh=f"{zh}与生产版本相比最多低 {NO_WORSE:g}",
                        holds=mine is not None and mine >= theirs - NO_WORSE,
                    )
                )
    return tuple(rows)


def _value(panel: Panel, key: str) -> float | None:
    figure = panel.figure(key)
    return figure.value if figure is not None else None
