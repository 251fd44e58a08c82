"""The gate's verdicts as results keep them: without names of files."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from apps.report_gen.reading.reasons import Severity
from apps.report_gen.reading.verdicts import SeriesVerdict, Status
from apps.report_gen.schema import GateReason, SeriesView

LONGEST_FACT: Final = 64
_SEVERITIES: Final[Mapping[Severity, Literal["note", "warning", "refusal"]]] = {
    Severity.NOTE: "note",
    Severity.WARNING: "warning",
    Severity.REFUSAL: "refusal",
}


def series_view(verdict: SeriesVerdict, within: str = "") -> SeriesView:
    """One series.

    Args:
        within: what the names of a bundle's files begin with; a reason that quotes a file leaves it
            out, and the rest of the name is a neutral one.
    """
    facts = verdict.series.facts
    return SeriesView(
        series_uid=verdict.series.series_uid[:LONGEST_FACT],
        status=verdict.status.value,
        chosen=verdict.chosen,
        number=verdict.series.number,
        modality=facts.modality[:LONGEST_FACT],
        kernel=facts.kernel[:LONGEST_FACT],
        files=verdict.files,
        shape=verdict.shape,
        spacing=verdict.spacing,
        reasons=tuple(reasons_of(verdict, within)),
        left_out=len(verdict.faults),
    )


def reasons_of(verdict: SeriesVerdict, within: str = "") -> Iterable[GateReason]:
    """Its reasons, the weightiest first; see `series_view`."""
    for each in sorted(verdict.reasons, key=lambda one: -one.severity):
        yield GateReason(
            code=each.code,
            severity=_SEVERITIES[each.severity],
            en=each.text.en.replace(within, "")[:1000],
            zh=each.text.zh.replace(within, "")[:1000],
        )


def leading(views: Iterable[SeriesView]) -> tuple[GateReason, ...]:
    """The reasons of the series that is read; of all, each once, where none is."""
    every = tuple(views)
    for view in every:
        if view.chosen:
            return view.reasons
    once = {each.code: each for view in every for each in view.reasons if each.severity != "note"}
    return tuple(once.values())


def is_refused(verdict: SeriesVerdict) -> bool:
    """Whether nothing of it can be read."""
    return verdict.status is Status.REFUSED
