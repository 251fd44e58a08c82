"""Formats in which results leave Loupe by the host's lists: JSON lines, and a row a finding.

Every line and every table says that it is for research. Reports leave by `apps.report_gen.outputs`.
"""

import csv
import io
import json
from collections.abc import Iterable
from typing import BinaryIO, Final

from apps.report_gen.report import NOTICE
from apps.report_gen.schema import StudyResult
from loupe.contract.results import ResultView

COLUMNS: Final = (
    "study_uid", "series_uid", "status", "outcome", "finding", "kind", "state", "probability",
    "side", "lobes", "size_mm", "volume_ml", "reasons", "model", "model_version", "notice",
)  # fmt: skip


def write_json(results: Iterable[ResultView], out: BinaryIO) -> None:
    """One study a line, without masks."""
    for view in results:
        data = _study(view).model_dump(mode="json", exclude={"masks"})
        line = {
            "name": view.name,
            "sha256": view.sha256,
            "outcome": view.decision.outcome,
            "reasons": [each.model_dump(mode="json") for each in view.decision.reasons],
            "model": view.provenance.model_name,
            "model_version": view.provenance.model_version,
            "data": data,
            "times_ms": dict(view.times_ms),
        }
        out.write((json.dumps(line, ensure_ascii=False) + "\n").encode())


def write_csv(results: Iterable[ResultView], out: BinaryIO) -> None:
    """One finding a row; a refused study has one row with its reasons."""
    _row(out, COLUMNS)
    for view in results:
        study = _study(view)
        about = (study.study_uid, study.series_uid, study.status, view.decision.outcome)
        end = (
            "; ".join(each.code for each in view.decision.reasons),
            view.provenance.model_name, str(view.provenance.model_version), NOTICE.en,
        )  # fmt: skip
        if not study.findings:
            _row(out, (*about, *[""] * 8, *end))
        for each in study.findings:
            _row(
                out,
                (
                    *about, each.id, each.kind, each.state.value, _number(each.probability),
                    each.side.value, " ".join(each.lobes), _number(each.size_mm),
                    _number(each.volume_ml), *end,
                ),
            )  # fmt: skip


def _study(view: ResultView) -> StudyResult:
    if not isinstance(view.data, StudyResult):
        raise TypeError(f"Result {view.id} is no StudyResult.")
    return view.data


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _row(out: BinaryIO, cells: Iterable[str]) -> None:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_plain(each) for each in cells])
    out.write(line.getvalue().encode())


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
