"""``python -m apps.report_gen.bridge --scan STUDY --count 24``: a model on nodules in real scans.

Lesions that a scan is known to have come from ``--known``, a CSV of boxes. Exit status: 0 measured,
2 refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from apps.report_gen.bridge.known import known_boxes, read_boxes
from apps.report_gen.bridge.measuring import Scan, measure
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.stored import fetch
from apps.report_gen.reading.studies import read_study
from apps.report_gen.report import NOTICE
from loupe.contract.runtime.errors import InputRefused, LoupeError

SHIPPED = Path(__file__).parents[1] / "models_shipped" / "chest"
DONE, REFUSED = 0, 2


def read_scans(paths: Sequence[Path], known: Path | None) -> list[Scan]:
    """The studies at `paths`, with their known lesions.

    Raises:
        InputRefused: the gates refuse one; the reason is told.
    """
    rows = read_boxes(known) if known else []
    made = []
    for path in paths:
        if not path.exists():
            raise InputRefused(f"{path} is not there; give a study's file, folder or zip.")
        study = read_study([path])
        if study.volume is None:
            reasons = [r.text.en for v in study.verdicts for r in v.reasons]
            raise InputRefused(f"{path} was refused: {' '.join(reasons[:3])}", code="scan_refused")
        boxes = known_boxes(study.volume, path.name, rows)
        made.append(Scan(name=path.name, volume=study.volume, known=boxes))
    return made


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m apps.report_gen.bridge")
    parser.add_argument("--scan", type=Path, action="append", required=True)
    parser.add_argument("--known", type=Path, help="CSV of boxes of lesions that are there")
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--count", type=int, default=24, help="nodules put in, over all scans")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    asked = parser.parse_args(arguments)
    try:
        if not 1 <= asked.count <= 10_000:
            raise InputRefused(f"--count is {asked.count}; 1 to 10000 are allowed.")
        drafter = Drafter(fetch(asked.model, asked.device))
        scans = read_scans(asked.scan, asked.known)
        said = measure(drafter, scans, asked.count, asked.seed, _tell)
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    print(json.dumps(said) if asked.json else "\n".join(lines(said)))
    return DONE


def lines(said: dict[str, Any]) -> list[str]:
    """The figures for a person."""
    told = [
        NOTICE.en,
        f"{said['insertions']} nodules of held-out patients put in, {said['from_8_mm']} of at "
        "least 8 mm",
        f"sensitivity from 8 mm at 4 false marks a scan: "
        f"{said['from_8_mm_sensitivity_at_4_false']}",
        f"at the model's own threshold: {said['from_8_mm_sensitivity_at_operating_point']} with "
        f"{said['false_a_scan_at_operating_point']} false marks a scan",
    ]
    for size, row in said["froc"].items():
        told.append(f"{size:>12}  " + "  ".join(f"{rate} {value}" for rate, value in row.items()))
    for row in said["scans"]:
        present = [key for key, state in row["states"].items() if state == "present"]
        told.append(
            f"{row['scan']}: unaltered, {row['false_marks_at_operating_point']} false marks; said "
            f"to be present: {', '.join(present) or 'nothing'}"
        )
    return told


def _tell(note: str) -> None:
    print(f"{note} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
