"""Results as JSON lines, CSV and COCO, and what the annotated picture shows. All of them stream."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from apps.defect_detection.schema import DetectionResult
from loupe.contract.results import ResultView
from loupe.contract.runtime.payload import JsonValue

# A spreadsheet runs a cell that starts like this as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
COLUMNS = (
    "result", "file", "sha256", "outcome", "label", "score", "severity", "x1", "y1", "x2", "y2",
    "width", "height", "model", "model_version", "operating_point_version", "artefact_sha256",
)  # fmt: skip


def write_json(results: Iterable[ResultView], out: BinaryIO) -> None:
    """One JSON object a line."""
    for view in results:
        line = {
            "id": view.id,
            "file": view.name,
            "sha256": view.sha256,
            "decision": view.decision.model_dump(mode="json"),
            "result": view.data.model_dump(mode="json"),
            "provenance": _provenance(view),
            "times_ms": dict(view.times_ms),
        }
        out.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def write_csv(results: Iterable[ResultView], out: BinaryIO) -> None:
    """One row a box; an image without boxes has one row with empty box columns."""
    out.write(b"\xef\xbb\xbf")  # spreadsheets then read UTF-8
    for row in _csv_rows(results):
        text = io.StringIO()
        csv.writer(text).writerow(row)
        out.write(text.getvalue().encode())


def write_coco(results: Iterable[ResultView], out: BinaryIO) -> None:
    """One COCO document, written piece by piece: category ids in the order classes appear.

    Boxes are ``[x, y, width, height]`` in source pixels; `score` is kept beside the standard keys.
    """
    categories: dict[str, int] = {}
    images: list[dict[str, Any]] = []
    out.write(b'{"info": {"description": "Loupe defect detection"}, "annotations": [')
    number = 0
    for view in results:
        data = _data(view)
        images.append(
            {
                "id": view.id,
                "file_name": view.name,
                "width": data.image.width,
                "height": data.image.height,
            }
        )
        for box in data.boxes:
            category = categories.setdefault(box.label, len(categories) + 1)
            number += 1
            annotation = {
                "id": number,
                "image_id": view.id,
                "category_id": category,
                "bbox": [box.x1, box.y1, round(box.width, 2), round(box.height, 2)],
                "area": round(box.width * box.height, 2),
                "iscrowd": 0,
                "score": box.score,
            }
            out.write((b", " if number > 1 else b"") + json.dumps(annotation).encode())
    named = [{"id": number, "name": name} for name, number in categories.items()]
    tail = f'], "images": {json.dumps(images)}, "categories": {json.dumps(named)}}}'
    out.write(tail.encode())


def drawing(view: ResultView) -> dict[str, JsonValue]:
    """What `inference.annotate` draws onto the input."""
    data = _data(view)
    return {
        "boxes": [box.model_dump(mode="json") for box in data.boxes],
        "outcome": view.decision.outcome,
        "max_pixels": 100_000_000,
    }


def _csv_rows(results: Iterable[ResultView]) -> Iterator[list[str | int | float]]:
    yield list(COLUMNS)
    for view in results:
        made = view.provenance
        head: list[str | int | float] = [
            view.id,
            _safe(view.name),
            view.sha256,
            view.decision.outcome,
        ]
        tail: list[str | int | float] = [
            _safe(made.model_name),
            made.model_version,
            made.operating_point_version,
            made.artefact_sha256,
        ]
        boxes = _data(view).boxes
        if not boxes:
            yield [*head, "", "", "", "", "", "", "", "", "", *tail]
        for box in boxes:
            corners = [box.x1, box.y1, box.x2, box.y2, round(box.width, 2), round(box.height, 2)]
            yield [*head, _safe(box.label), box.score, box.severity, *corners, *tail]


def _safe(text: str) -> str:
    """Keep a spreadsheet from running text as a formula (OWASP: prefix an apostrophe)."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def _data(view: ResultView) -> DetectionResult:
    if not isinstance(view.data, DetectionResult):
        raise TypeError(f"Result {view.id} holds a {type(view.data).__name__}, no DetectionResult.")
    return view.data


def _provenance(view: ResultView) -> dict[str, JsonValue]:
    made = view.provenance
    return {
        "model": made.model_name,
        "model_version": made.model_version,
        "artefact_sha256": made.artefact_sha256,
        "operating_point_version": made.operating_point_version,
    }
