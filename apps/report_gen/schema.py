"""What a reading of one study stores, and what its decision is set by.

Places are in mm from the centre of the first voxel of the volume that was read, along its axes
(slices to the head, rows to the front, columns to the right); `Grid.affine` takes them on to RAS.
Nothing here names a patient.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apps.report_gen.findings import KEYS
from apps.report_gen.report import NOTICE, ModelCredit, ReportFinding, ReportSentence
from loupe.contract.text import Text

Language = Literal["en", "zh"]
Row4 = tuple[float, float, float, float]
MOST_SERIES: Final = 200
SHARE = Field(ge=0, le=1)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Grid(_Frozen):
    """A grid of voxels: [slice, row, column]."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = Field(description="mm between slices, rows, columns")
    affine: tuple[Row4, Row4, Row4, Row4] = Field(
        description="(column, row, slice, 1) of a voxel's centre to RAS mm"
    )


class Masks(_Frozen):
    """Where the findings are, on the network's own grid. Packed as `apps.report_gen.masks` says."""

    grid: Grid
    labels: str = Field(
        description="zlib of uint8 [slice, row, column] in base64: `label` of focal findings"
    )
    region_grid: Grid = Field(description="of `regions`: half as fine")
    regions: str = Field(
        description="zlib of little-endian uint16 [slice, row, column] in base64: bit k is set "
        "where the k-th of `region_kinds` is"
    )
    region_kinds: tuple[str, ...] = KEYS


class GateReason(_Frozen):
    """One reason of the geometry gate."""

    code: str = Field(max_length=60)
    severity: Literal["note", "warning", "refusal"]
    en: str = Field(max_length=1000)
    zh: str = Field(max_length=1000)


class SeriesView(_Frozen):
    """One series and what the gate says of it."""

    series_uid: str = Field(default="", description="pseudonymous; empty: files of no series")
    status: Literal["usable", "usable_with_warning", "refused"]
    chosen: bool = False
    number: int | None = None
    modality: str = ""
    kernel: str = ""
    files: int = 0
    shape: tuple[int, int, int] | None = None
    spacing: tuple[float, float, float] | None = None
    reasons: tuple[GateReason, ...] = ()
    left_out: int = Field(default=0, description="files of it that cannot be used")


class DraftText(_Frozen):
    """The draft in one language."""

    language: Language
    sentences: tuple[ReportSentence, ...]


class StudyResult(_Frozen):
    """What came of one study: refused with reasons, or findings with a place and a draft."""

    schema_version: Literal[1] = 1
    status: Literal["drafted", "refused"]
    study_uid: str = Field(default="", max_length=64, description="pseudonymous")
    series_uid: str = Field(default="", max_length=64, description="of the series that was read")
    language: Language = "en"
    series: tuple[SeriesView, ...] = Field(default=(), max_length=MOST_SERIES)
    reasons: tuple[GateReason, ...] = Field(
        default=(), description="of the series that was read, or of all where none was"
    )
    volume: Grid | None = Field(default=None, description="the volume that was read")
    resampled: bool = False
    findings: tuple[ReportFinding, ...] = ()
    drafts: tuple[DraftText, ...] = ()
    masks: Masks | None = None
    model: ModelCredit | None = None
    stages_ms: dict[str, float] = Field(default_factory=dict, description="inside the model")
    notice: Text = NOTICE

    def draft(self, language: str) -> tuple[ReportSentence, ...]:
        """The sentences in a language; of another one where there are none in it."""
        for each in self.drafts:
            if each.language == language:
                return each.sentences
        return self.drafts[0].sentences if self.drafts else ()


class Thresholds(_Frozen):
    """From which calibrated probability on a finding is present, below which it is absent.

    Null: as the model was calibrated.
    """

    low: float | None = Field(default=None, ge=0, le=1)
    high: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Thresholds":
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low} and above high, {self.high}; swap them")
        return self


class OperatingPoint(_Frozen):
    """How a model's answers are taken: thresholds of each finding, and what needs attention."""

    thresholds: dict[str, Thresholds] = Field(
        default_factory=dict, description="by the key of a finding; the others as calibrated"
    )
    attention_uncertain: int = Field(
        default=1, ge=1, le=len(KEYS), description="so many uncertain findings need attention"
    )
    attention_warnings: bool = Field(
        default=True, description="a warning of the geometry gate needs attention"
    )
    languages: tuple[Language, ...] = Field(
        default=("en", "zh"), min_length=1, max_length=2, description="drafts are written in these"
    )

    @model_validator(mode="after")
    def _known(self) -> "OperatingPoint":
        unknown = sorted(set(self.thresholds) - set(KEYS))
        if unknown:
            raise ValueError(f"thresholds name {unknown}; findings are {list(KEYS)}")
        return self
