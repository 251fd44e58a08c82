"""``manage.py evaluate defect_detection --data DIR --model NAME --json``: figures of a model.

Needs nothing but the database, and writes nothing to it. With ``--json`` one object goes to
standard output. Exit status: 0 measured, 2 refused.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.defect_detection.commands.models import SLUG, version_named
from apps.defect_detection.operating import predictions as written
from apps.defect_detection.operating.at_point import Rates, rates
from apps.defect_detection.operating.bounds import Rate
from apps.defect_detection.operating.predictions import Predictions
from apps.defect_detection.schema import OperatingPoint
from loupe.contract.runtime.errors import LoupeError
from loupe.contract.runtime.panel import Figure, Panel
from loupe.host import commands, models, trainings

DONE, REFUSED = 0, 2


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    try:
        commands.prepare_for(SLUG)
        project = commands.project_named(asked.project)
        version = version_named(project, asked.model)
        if not asked.data.is_dir():
            raise LoupeError(f"--data {asked.data} is not a folder.", code="no_folder")
        panel, lines = trainings.measure_here(version, asked.data)
        point = OperatingPoint.model_validate(models.operating_point(version, project).data)
    except LoupeError as error:
        print(f"{error.message} ({error.code})", file=sys.stderr)
        return REFUSED
    manifest = version.manifest
    found = written.read(lines, manifest["classes"], manifest.get("severities") or {})
    said = {
        "model": version.model.name,
        "version": version.number,
        "sha256": version.artefact_sha256,
        "data": str(asked.data),
        **told(panel, found, point, grouped=any(json.loads(line)["group"] for line in lines)),
    }
    print(json.dumps(said, ensure_ascii=False) if asked.json else "\n".join(_lines(said)))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py evaluate {SLUG}")
    parser.add_argument("--data", type=Path, required=True, help="a folder in a known layout")
    parser.add_argument(
        "--model", required=True, help="NAME: the version in production, else the newest; or NAME@3"
    )
    parser.add_argument("--project", help="its slug; not needed where there is only one")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def told(
    panel: Panel, found: Predictions, point: OperatingPoint, *, grouped: bool
) -> dict[str, Any]:
    """The figures, with escape and overkill at `point`: per part where a key exists."""
    by_picture = rates(found.by_picture(), point)
    by_part = rates(found, point) if grouped else None
    counted = by_part or by_picture
    classes = {}
    for one in panel.slices:
        figures = {each.key: each for each in one.figures}
        mine = next((each for each in counted.classes if each.label == one.key), None)
        classes[one.key] = {
            "boxes": figures["map50"].count,
            "map50": _figure(figures["map50"]),
            "map50_95": _figure(figures["map50_95"]),
            "threshold": mine.threshold if mine else None,
            "escape": _rate(mine.escape) if mine else None,
            "overkill": _rate(mine.overkill) if mine else None,
            "missed": _rate(mine.missed) if mine else None,
        }
    maps = {key: panel.figure(key) for key in ("map50", "map50_95")}
    return {
        "pictures": len(found.names),
        "runtime": panel.runtime,
        "map50": _value(maps["map50"]),
        "map50_95": _value(maps["map50_95"]),
        "intervals": {key: _ends(figure) for key, figure in maps.items()},
        "classes": classes,
        "unit": "part" if grouped else "picture",
        "escape": _rate(counted.escape),
        "overkill": _rate(counted.overkill),
        "missed": _rate(counted.missed),
        "per_picture": _both(by_picture),
        "per_part": _both(by_part) if by_part else None,
        "operating_point": point.model_dump(mode="json"),
        "parity": {each.key: each.value for each in panel.figures if each.key.startswith("parity")},
    }


def _both(found: Rates) -> dict[str, Any]:
    return {"escape": _rate(found.escape), "overkill": _rate(found.overkill)}


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "value": rate.value,
        "low": rate.low,
        "high": rate.high,
        "losses": rate.losses,
        "count": rate.units,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}


def _value(figure: Figure | None) -> float | None:
    return figure.value if figure else None


def _ends(figure: Figure | None) -> list[float | None]:
    return [figure.low, figure.high] if figure else [None, None]


def _lines(said: dict[str, Any]) -> list[str]:
    def share(rate: dict[str, Any] | None) -> str:
        if rate is None or rate["value"] is None:
            return "not told by this data"
        return f"{rate['value']:.3f} ({rate['low']:.3f} to {rate['high']:.3f}, of {rate['count']})"

    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:.4f}"

    lines = [
        f"{said['model']} version {said['version']} on {said['pictures']} pictures of "
        f"{said['data']}, as it serves ({said['runtime']}):",
        f"mAP50 {number(said['map50'])}, mAP50-95 {number(said['map50_95'])}",
        f"escape {share(said['escape'])}, overkill {share(said['overkill'])}, per {said['unit']}",
    ]
    lines += [
        f"  {name}: mAP50 {number(each['map50']['value'])}, escape {share(each['escape'])}"
        for name, each in said["classes"].items()
    ]
    return lines
