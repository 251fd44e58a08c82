"""What the gate says of a series: usable, usable with a warning, or refused, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from apps.report_gen.reading.faults import Fault
from apps.report_gen.reading.reasons import Reason, Severity
from apps.report_gen.volume import Series
from loupe.contract.runtime.payload import JsonValue


class Status(StrEnum):
    """In the words of `predict --json`."""

    USABLE = "usable"
    WITH_WARNING = "usable_with_warning"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesVerdict:
    """One series, or, with an empty `series`, the files that belong to none."""

    series: Series = field(default_factory=Series)
    reasons: tuple[Reason, ...] = ()
    faults: tuple[Fault, ...] = ()
    files: int = 0
    spacing: tuple[float, float, float] | None = None
    """Between slices, rows and columns, mm."""
    shape: tuple[int, int, int] | None = None
    chosen: bool = False
    extent: tuple[float, float, float] | None = None
    """Of the patient on the images, by their headers: to the head, to the front, to the right, mm.
    """
    depth: float | None = None
    """Of a slice: its thickness, or the distance to the next where that is more, mm."""
    reformatted: bool = False
    """Whether the images were made from others, or lie in another plane than the scanner's."""
    seen: bool = False
    """Whether the values were judged too, not the headers alone."""

    @property
    def status(self) -> Status:
        """The heaviest reason decides."""
        heaviest = max((each.severity for each in self.reasons), default=Severity.NOTE)
        if heaviest is Severity.REFUSAL:
            return Status.REFUSED
        return Status.WITH_WARNING if heaviest is Severity.WARNING else Status.USABLE

    @property
    def resampled(self) -> bool:
        """Whether the images have to be resampled."""
        return any(
            each.severity is Severity.WARNING
            and each.code in {"gantry_tilt", "oblique", "non_uniform_spacing"}
            for each in self.reasons
        )

    def adding(self, reasons: Sequence[Reason], chosen: bool | None = None) -> "SeriesVerdict":
        """The same with more reasons."""
        return replace(
            self,
            reasons=(*self.reasons, *reasons),
            chosen=self.chosen if chosen is None else chosen,
        )

    def as_json(self, most_faults: int = 20) -> dict[str, JsonValue]:
        """For `predict --json`, pages and REST. Names of files in it may name a person."""
        facts = self.series.facts
        return {
            "status": self.status.value,
            "chosen": self.chosen,
            "series": self.series.series_uid,
            "study": self.series.study_uid,
            "number": self.series.number,
            "modality": facts.modality,
            "kernel": facts.kernel,
            "files": self.files,
            "spacing": list(self.spacing) if self.spacing else None,
            "shape": list(self.shape) if self.shape else None,
            "reasons": [each.as_json() for each in self.reasons],
            "faults": [each.as_json() for each in self.faults[:most_faults]],
            "more_faults": max(0, len(self.faults) - most_faults),
        }
