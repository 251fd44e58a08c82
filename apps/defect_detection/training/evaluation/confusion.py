"""Which class was said for which, and precision against recall."""

from collections.abc import Sequence

import numpy as np

from apps.defect_detection.training.average_precision import (
    RECALLS,
    envelope,
    match,
    overlaps,
)
from apps.defect_detection.training.evaluation.looking import Looked
from loupe.contract.runtime.panel import Confusion, Plot

SAME_PLACE = 0.5  # IoU
NOTHING = "–"


def confusion(looked: Sequence[Looked], classes: Sequence[str], threshold: float) -> Confusion:
    """Boxes that score at least `threshold` against true boxes in the same place, best fit first.

    The last row holds what was found where nothing is, the last column what was not found.
    """
    nothing = len(classes)
    values = np.zeros((nothing + 1, nothing + 1), int)
    for each in looked:
        said = each.served[each.served[:, 4] >= threshold]
        true = each.truth[each.truth[:, 4] >= 0]
        iou = overlaps(true[:, :4], said[:, :4])
        free_true, free_said = set(range(len(true))), set(range(len(said)))
        for place in np.argsort(-iou, axis=None, kind="stable"):
            row, column = divmod(int(place), len(said))
            if iou[row, column] < SAME_PLACE:
                break
            if row in free_true and column in free_said:
                free_true.remove(row)
                free_said.remove(column)
                values[int(true[row, 4]), int(said[column, 5])] += 1
        for row in free_true:
            values[int(true[row, 4]), nothing] += 1
        for column in free_said:
            values[nothing, int(said[column, 5])] += 1
    return Confusion(
        labels=(*classes, NOTHING), values=tuple(tuple(row) for row in values.tolist())
    )


def curves(looked: Sequence[Looked], classes: Sequence[str]) -> tuple[Plot, ...]:
    """Precision against recall at IoU 0.5, for each class with true boxes."""
    right = np.concatenate([match(each.found, each.truth)[:, 0] for each in looked])
    rows = np.concatenate([each.found[:, 4:6] for each in looked])
    labels = np.concatenate([each.truth[:, 4] for each in looked])
    order = np.argsort(-rows[:, 0], kind="stable")
    right, rows = right[order], rows[order]
    plots = []
    for index, name in enumerate(classes):
        count = int((labels == index).sum())
        mine = right[rows[:, 1] == index]
        if not count or not len(mine):
            continue
        hits = mine.cumsum()
        levels = envelope(hits / count, hits / np.arange(1, len(mine) + 1))
        plots.append(
            Plot(
                key=f"precision_recall:{name}",
                en=name,
                zh=name,
                x_en="Recall",
                x_zh="召回率",
                y_en="Precision",
                y_zh="精确率",
                points=tuple(
                    (round(float(x), 4), round(float(y), 4))
                    for x, y in zip(RECALLS, levels, strict=True)
                ),
            )
        )
    return tuple(plots)
