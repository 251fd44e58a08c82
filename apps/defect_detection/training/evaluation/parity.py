"""How far an exported network answers otherwise than the trained one does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.letterbox import letterbox
from apps.defect_detection.inference.runtimes.runtime import Runtime
from apps.defect_detection.training.average_precision import Floats, overlaps
from apps.defect_detection.training.collection import Sample
from apps.defect_detection.training.evaluation.bootstrap import Interval
from apps.defect_detection.training.evaluation.looking import Looked
from loupe.contract.runtime.panel import Figure

PICTURES = 8  # whose outputs are compared number by number
CLEAR, FAINT, SAME = 0.25, 0.1, 0.75
"""A box that scores CLEAR on one side has its partner on the other from FAINT and IoU SAME on."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How the exported network compares with torch.

    Attributes:
        scores: the largest difference of any score of the head, before any suppression.
        pictures: compared.
        boxes: of all clear boxes of either side, the share that the other side has too.
        map50_loss: by how much mAP50 is lower, with the interval over the same pictures; nothing
            where no true box tells it.
    """

    scores: float
    boxes: float
    map50_loss: Interval
    pictures: int

    def figures(self) -> tuple[Figure, ...]:
        """As figures of a panel."""
        return (
            Figure(
                key="parity_scores",
                en="Parity: largest difference of a score from torch",
                zh="一致性：与 torch 得分的最大差异",
                value=round(self.scores, 6),
                better="lower",
            ),
            Figure(
                key="parity_boxes",
                en="Parity: boxes that torch finds too, and the reverse",
                zh="一致性：与 torch 相互一致的框比例",
                value=round(self.boxes, 6),
            ),
            Figure(
                key="parity_map50_loss",
                en="Parity: mAP50 below torch's",
                zh="一致性：mAP50 低于 torch 的幅度",
                value=_rounded(self.map50_loss.value),
                low=_rounded(self.map50_loss.low),
                high=_rounded(self.map50_loss.high),
                count=self.pictures,
                better="lower",
            ),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def answers(runtime: Runtime, size: int, samples: Sequence[Sample]) -> list[Floats]:
    """The scores of a network's head over some of the pictures, before any suppression."""
    step = max(1, len(samples) // PICTURES)
    found = []
    for sample in samples[::step][:PICTURES]:
        image = decode(sample.file, {}).arrays["image"]
        square = np.ascontiguousarray(letterbox(image, size)[0])
        found.append(_scores(runtime.look(square)).copy())
    return found


def scores_apart(one: Sequence[Floats], other: Sequence[Floats]) -> float:
    """The largest difference of any score of two networks' `answers`."""
    apart = [float(np.abs(mine - theirs).max()) for mine, theirs in zip(one, other, strict=True)]
    worst = max(apart, default=0.0)
    # What is no number is as far off as can be.
    return worst if np.isfinite(apart).all() else 1.0


def _scores(output: Floats) -> Floats:
    """Of a head without NMS every anchor's for every class, else those of its final boxes."""
    if output.shape[-1] == 6:
        return np.asarray(np.sort(output[0, :, 4]), np.float32)
    return np.asarray(output[0, 4:], np.float32)


def boxes_shared(one: Sequence[Looked], other: Sequence[Looked]) -> float:
    """Of the clear boxes of either side, the share that has a partner on the other; 1 for none."""
    clear = shared = 0
    for mine, theirs in zip(one, other, strict=True):
        for left, right in ((mine.served, theirs.served), (theirs.served, mine.served)):
            wanted = left[left[:, 4] >= CLEAR]
            there = right[right[:, 4] >= FAINT]
            iou = overlaps(wanted[:, :4], there[:, :4]) * (wanted[:, 5:6] == there[None, :, 5])
            clear += len(wanted)
            shared += int((iou >= SAME).any(1).sum())
    return shared / clear if clear else 1.0
