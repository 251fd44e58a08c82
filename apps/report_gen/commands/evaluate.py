"""``manage.py evaluate report_gen --data DIR|phantoms --model NAME|FOLDER``: what a model is worth.

``--data phantoms`` draws phantoms of held-out seeds; a folder holds studies and CSV files in
CT-RATE's layout. ``--scan`` puts nodules of held-out patients into real scans besides. Needs no
service and no database. Exit status: 0 measured, 2 refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from apps.report_gen.bridge.__main__ import lines as bridge_lines
from apps.report_gen.bridge.__main__ import read_scans
from apps.report_gen.bridge.measuring import measure
from apps.report_gen.evaluation.folders import judge_folder
from apps.report_gen.evaluation.phantoms import Asked, judge
from apps.report_gen.inference.draft import Drafter
from apps.report_gen.inference.stored import RECORD, Model, fetch
from apps.report_gen.report import NOTICE
from apps.report_gen.training.real.mapping import MAPPING_FILE, read_mapping
from loupe.contract.runtime.errors import InputRefused, LoupeError

PHANTOMS: Final = "phantoms"
SHIPPED: Final = Path(__file__).parents[1] / "models_shipped"
DONE, REFUSED = 0, 2


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    try:
        model = fetch(folder_of(asked.model), asked.device)
        said: dict[str, Any] = {
            "notice": NOTICE.en,
            "model": asked.model,
            "trained_on": model.card.get("trained_on", ""),
            **_judged(model, asked),
        }
        if asked.scan:
            scans = read_scans(asked.scan, asked.known)
            said["inserted_nodules"] = measure(
                Drafter(model), scans, asked.insertions, asked.seed, _tell
            )
            if "wording" in said:  # what is uninformative stands last
                said["wording"] = said.pop("wording")
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    print(json.dumps(said, ensure_ascii=False) if asked.json else "\n".join(lines(said)))
    return DONE


def folder_of(name: str) -> Path:
    """A shipped model by name, or a folder.

    Raises:
        InputRefused: it is neither; what ships is listed.
    """
    for folder in (Path(name), Path(name) / "model", Path(name) / "artefact", SHIPPED / name):
        if (folder / RECORD).is_file():
            return folder
    shipped = sorted(each.parent.name for each in SHIPPED.glob(f"*/{RECORD}"))
    raise InputRefused(
        f"--model {name} is no folder of a report model and does not ship; shipped are "
        f"{', '.join(shipped) or 'none'}.",
        code="model_missing",
    )


def _judged(model: Model, asked: argparse.Namespace) -> dict[str, Any]:
    if asked.data == PHANTOMS:
        if asked.count < 2:
            raise InputRefused(f"--count is {asked.count}; at least 2 phantoms are needed.")
        wanted = Asked(count=asked.count, shifted=asked.shifted, reports=asked.reports)
        return judge(model, wanted, asked.device, _tell)
    folder = Path(asked.data)
    if not folder.is_dir():
        raise InputRefused(f"--data {folder} is no folder; give one, or the word {PHANTOMS}.")
    mapping = asked.mapping or (
        folder / MAPPING_FILE if (folder / MAPPING_FILE).is_file() else None
    )
    columns = read_mapping(mapping, tuple(asked.column))
    return judge_folder(Drafter(model), folder, columns, _tell)


def lines(said: dict[str, Any]) -> list[str]:
    """The figures for a person; BLEU and ROUGE last."""
    panel = said["panel"]
    value, low, high = panel["macro_f1"]
    told = [
        said["notice"],
        f"{said['figures']}; the model was trained on: {said['trained_on']}",
        f"finding macro-F1 {value} (95 % {low} to {high}, patients drawn), {panel['studies']} "
        f"studies, uncertain {panel['uncertain_share']}",
    ]
    for key, row in panel["findings"].items():
        told.append(f"  {key:24} " + "  ".join(f"{name} {each}" for name, each in row.items()))
    for key, each in panel["controls"].items():
        told.append(f"  control {key}: {each}")
    for key in (
        "nodule_6mm_sensitivity_at_1_fp", "pointing", "side_accuracy", "size_error_mm",
        "distinct_finding_sets", "froc_lung_nodule",
    ):  # fmt: skip
        if key in panel:
            told.append(f"  {key}: {panel[key]}")
    for name, row in said.get("shifts", {}).items():
        told.append(f"  shift of {name}: macro-F1 {row['macro_f1'][0]}")
    for key in ("text", "swapped_indications", "laterality", "distinct_reports"):
        if key in said:
            told.append(f"  {key}: {said[key]}")
    told += [f"  left out: {each}" for each in said.get("problems", ())]
    if "inserted_nodules" in said:
        told += bridge_lines(said["inserted_nodules"])[1:]
    if "wording" in said:
        told.append(f"  BLEU and ROUGE, {said['wording']}")
    return told


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py evaluate report_gen")
    parser.add_argument("--data", required=True, help=f"a folder of studies, or {PHANTOMS}")
    parser.add_argument("--model", default="chest", help="a shipped model's name, or a folder")
    parser.add_argument("--count", type=int, default=64, help="phantoms")
    parser.add_argument("--shifted", type=int, default=16, help="phantoms of each shift; 0: none")
    parser.add_argument("--reports", type=int, default=40, help="drafts that are read back")
    parser.add_argument("--scan", type=Path, action="append", default=[], help="put nodules in it")
    parser.add_argument("--known", type=Path, help="CSV of boxes of lesions that scans have")
    parser.add_argument("--insertions", type=int, default=24)
    parser.add_argument("--mapping", type=Path, help="JSON: other names of columns")
    parser.add_argument("--column", action="append", default=[], metavar="NAME=COLUMN")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def _tell(note: str) -> None:
    print(f"{note} …", file=sys.stderr, flush=True)
