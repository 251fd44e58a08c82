"""Runs a detector over `Pictures`: boxes after NMS, in pixels of the square, on the CPU."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torchvision  # noqa: F401 - Ultralytics' NMS takes torchvision's when it is imported
from numpy.typing import NDArray

from apps.defect_detection.inference.quiet import ultralytics_quietly
from apps.defect_detection.training.pictures import Pictures

with ultralytics_quietly():
    from ultralytics.utils.nms import non_max_suppression

SCORE_FLOOR, OVERLAP, MAX_BOXES = 0.001, 0.7, 300


@torch.inference_mode()
def predict(
    model: Any,
    pictures: Pictures,
    device: torch.device,
    batch: int = 64,
) -> list[NDArray[np.float32]]:
    """Per picture [N, 6] x1, y1, x2, y2, score, class, highest first.

    As Ultralytics validates: every class of an anchor above 0.001 counts, NMS at IoU 0.7, at most
    300 boxes. In fp32, for fp16 shifts boxes by half a pixel. Small pictures lie in the middle of
    the square there and here.
    """
    head = model.model[-1]
    found = []
    for images, shift in _batches(pictures, device, batch):
        output = model(images)
        kept = non_max_suppression(
            output[0].float() if isinstance(output, tuple) else output.float(),
            SCORE_FLOOR,
            OVERLAP,
            multi_label=True,
            max_det=MAX_BOXES,
            max_time_img=10.0,
            end2end=bool(getattr(head, "end2end", False)),
        )
        for at, rows in enumerate(kept):
            rows[:, :4] -= shift[at].repeat(2).to(rows.device)
            found.append(rows.cpu().numpy().astype(np.float32))
    return found


def truth(pictures: Pictures) -> list[NDArray[np.float32]]:
    """Per picture [M, 5] x1, y1, x2, y2, class in pixels of the square."""
    rows = torch.cat((pictures.boxes, pictures.classes[..., None]), -1).numpy()
    return [each[each[:, 4] >= 0] for each in rows]


def _batches(
    pictures: Pictures, device: torch.device, batch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Images [B, 3, S, S] in 0 … 1 with the picture in the middle, and its shift [B, 2]."""
    size = pictures.size
    for start in range(0, len(pictures), batch):
        indices = torch.arange(start, min(start + batch, len(pictures)))
        pixels = pictures.gather(indices, device)
        # Ultralytics' rounding of half the padding.
        shift = ((size - pictures.sides[indices]) / 2 - 0.1).round().clamp(min=0)
        for at, (right, down) in enumerate(shift.int().tolist()):
            if right or down:
                pixels[at] = pixels[at].roll((down, right), (-2, -1))
        images = (pixels.float() / 255).expand(-1, 3, -1, -1)
        yield images, shift
