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


def series_view(verdict: SeriesVerdict) -> SeriesView:
    """One series. Reasons that quote a file say its code alone: its name may name a person."""
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
        reasons=tuple(reasons_of(verdict)),
        left_out=len(verdict.faults),
    )


def reasons_of(verdict: SeriesVerdict) -> Iterable[GateReason]:
    """Its reasons, the weightiest first."""
    for each in sorted(verdict.reasons, key=lambda one: -one.severity):
        yield GateReason(
            code=each.code,
            severity=_SEVERITIES[each.severity],
            en=each.text.en[:1000],
            zh=each.text.zh[:1000],
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
