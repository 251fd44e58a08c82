"""An evaluation of the line's model, for the pages that show what a threshold costs."""

import json
import random

from loupe.accounts.models import Project
from loupe.registry.models import ModelVersion
from loupe.testing import factories

PARTS = 1200


def fill(line: Project, version: ModelVersion) -> None:
    """Predictions on parts of which half are bad: nearly all found, a few good ones suspected."""
    factories.evaluation(version, line, _lines(version), dataset="ring-photographs")


def _lines(version: ModelVersion) -> list[str]:
    chance = random.Random(7)
    classes = version.manifest["classes"]
    lines = []
    for number in range(PARTS):
        label = chance.choice(classes)
        spot = [100, 100, 180, 140]
        bad = number % 2 == 0
        boxes = []
        if bad and chance.random() > 0.004:
            boxes.append([*spot, round(chance.betavariate(8, 2), 4), label])
        elif not bad and chance.random() < 0.6:
            boxes.append([300, 200, 330, 220, round(chance.betavariate(1.4, 9), 4), label])
        line = {
            "name": f"ring-{number:04d}.jpg", "group": "", "split": "test",
            "width": 640, "height": 640, "truth": [[*spot, label]] if bad else [], "boxes": boxes,
        }  # fmt: skip
        lines.append(json.dumps(line))
    return lines
