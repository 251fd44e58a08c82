"""What an artefact finds on labelled pictures, by the very code that serves."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.defect_detection.inference.decode import decode
from apps.defect_detection.inference.detect import Options, detect
from apps.defect_detection.inference.model import DetectorModel
from apps.defect_detection.inference.postprocess import Rows
from apps.defect_detection.inference.runtimes.runtime import Runtime
from apps.defect_detection.training.collection import Sample
from loupe.contract.runtime.clock import StageClock
from loupe.contract.runtime.errors import InputRefused

SERVED_FLOOR = 0.01  # the lowest score an operating point can ask for
VALIDATION = Options(score_floor=0.001, every_class=True)
"""As detectors are compared: every class of every anchor counts."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One picture. Boxes are [N, 6] x1, y1, x2, y2 (source pixels), score, class; best first.

    Attributes:
        truth: [M, 5] x1, y1, x2, y2, class index of the model; −1 for a class it does not have.
        found: as detectors are compared, from a score of 0.001 on.
        served: as the model answers when it serves, from 0.01 on.
    """

    sample: Sample
    truth: NDArray[np.float32]
    found: Rows
    served: Rows


class _Once:
    """A runtime that answers for the same view from memory, so that it is not run twice."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self.name = runtime, runtime.name
        self._seen: dict[bytes, NDArray[np.float32]] = {}

    def forget(self) -> None:
        self._seen.clear()

    def look(self, square: NDArray[np.uint8]) -> NDArray[np.float32]:
        key = square.tobytes()
        if key not in self._seen:
            self._seen[key] = self._runtime.look(square)
        return self._seen[key]

    def forward(self, blob: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._runtime.forward(blob)

    def close(self) -> None:
        self._runtime.close()


def look(
    runtime: Runtime,
    model: DetectorModel,
    samples: Sequence[Sample],
    classes: Sequence[str],
    beat: Callable[[float, float], None],
) -> Iterator[Looked]:
    """Run the model over `samples`, one by one.

    Args:
        classes: of the samples; told apart from the model's by name.
        beat: called after each picture with how many are done, of how many.

    Raises:
        InputRefused: a picture cannot be decoded.
    """
    once, clock = _Once(runtime), StageClock()
    served = Options(score_floor=SERVED_FLOOR)
    index = np.array(
        [model.classes.index(name) if name in model.classes else -1 for name in classes] or [-1]
    )
    for number, sample in enumerate(samples, 1):
        try:
            image = decode(sample.file, {}).arrays["image"]
        except InputRefused as error:
            raise InputRefused(f"{sample.name}: {error.message}", code=error.code) from error
        labels = index[sample.boxes[:, 0].astype(int)]
        yield Looked(
            sample=sample,
            truth=np.concatenate((sample.boxes[:, 1:], labels[:, None]), 1).astype(np.float32),
            found=detect(once, model, image, VALIDATION, clock).boxes,
            served=detect(once, model, image, served, clock).boxes,
        )
        once.forget()
        beat(number, len(samples))


def write_predictions(
    path: Path, looked: Sequence[Looked], classes: Sequence[str], known: Sequence[str]
) -> list[str]:
    """One JSON line a picture, from which operating points are fitted; returns the lines.

    Args:
        classes: of the samples.
        known: of the model. A true box of another class is told by its name.
    """
    lines = []
    for each in looked:
        truth = [
            [*(round(float(value), 2) for value in corners), _said(int(label), classes, known)]
            for label, *corners in each.sample.boxes.tolist()
        ]
        boxes = [
            [*(round(value, 2) for value in row[:4]), round(row[4], 5), int(row[5])]
            for row in each.served.tolist()
        ]
        line = {
            "name": each.sample.name,
            "group": each.sample.group,
            "split": each.sample.split or "test",
            "width": each.sample.width,
            "height": each.sample.height,
            "truth": truth,
            "boxes": boxes,
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lines


def _said(label: int, classes: Sequence[str], known: Sequence[str]) -> int | str:
    name = classes[label]
    return known.index(name) if name in known else name
