"""A ladder's report as the host's panel: figures, slices and the precision–recall curve."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.fraud.training.metrics import Counts
from apps.fraud.training.plan import TITLES
from loupe.contract.runtime.panel import Figure, Panel, Plot, Slice

WORDS = {
    "recall_at_fpr": ("Recall at 0.02 % false positives", "误报率 0.02% 下的召回率"),
    "average_precision": ("Average precision", "平均精确率"),
    "card_precision": ("Card precision@100", "卡片精确率@100"),
    "auc": ("AUC", "AUC"),
}
POINTS = 200


def panel_of(
    said: Mapping[str, Any], label: NDArray[np.int64], scores: NDArray[np.float64], dataset: str
) -> Panel:
    """The panel of the rung that serves, with every rung as a slice of its own."""
    rows = {row["model"]: row for row in said["ladder"]}
    count = int((label == 1).sum())
    return Panel(
        dataset=dataset,
        runtime="forest",
        figures=_figures(rows[said["serves"]], count),
        slices=tuple(
            Slice(
                key=key,
                en=TITLES[key][0] if key in TITLES else key,
                zh=TITLES[key][1] if key in TITLES else key,
                figures=_figures(row, count),
            )
            for key, row in rows.items()
        ),
        plots=(_curve(label, scores),),
    )


def _figures(row: Mapping[str, Any], count: int) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            key=key,
            en=en,
            zh=zh,
            value=row[key],
            low=row[f"{key}_interval"][0],
            high=row[f"{key}_interval"][1],
            count=count,
        )
        for key, (en, zh) in WORDS.items()
    )


def _curve(label: NDArray[np.int64], scores: NDArray[np.float64]) -> Plot:
    frauds, honest = Counts.of(label, scores).at()
    recall, precision = frauds / frauds[-1], frauds / (frauds + honest)
    keep = np.unique(np.linspace(0, len(recall) - 1, min(POINTS, len(recall))).astype(int))
    return Plot(
        key="precision_recall",
        en="Precision over recall",
        zh="精确率与召回率",
        x_en="Recall",
        x_zh="召回率",
        y_en="Precision",
        y_zh="精确率",
        points=tuple((float(recall[at]), float(precision[at])) for at in keep),
    )
