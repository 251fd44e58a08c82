"""A report as a document: what a reader edits and signs, what PDF, SR, SEG and FHIR are made of.

Free of Django and of anything that names a patient: identity is joined to it where an output needs
it. Places are in mm from the centre of the volume's first voxel, as in `apps.report_gen.findings`.
"""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.report_gen.findings import Lobe, Side, State
from loupe.contract.text import Text

NOTICE: Final = Text(en="Research use; not for diagnosis.", zh="仅供研究使用，不得用于诊断。")
"""Stands on every page, file, resource and answer."""

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


class Origin(StrEnum):
    """Who a sentence or a finding is by."""

    MODEL = "model"
    READER = "reader"


class Part(StrEnum):
    """The parts of a report, in the order in which they stand."""

    INDICATION = "indication"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReportFinding(_Frozen):
    """A finding as the report stands by it; `label`: its value in the mask, 0 for none."""

    id: str = Field(max_length=60)
    kind: str = Field(max_length=60)
    state: State
    origin: Origin = Origin.MODEL
    changed: bool = Field(default=False, description="a reader changed what the model said")
    confirmed: bool = Field(default=False, description="a reader looked at it and agrees")
    probability: float | None = Field(default=None, ge=0, le=1)
    side: Side = Side.NONE
    lobes: tuple[Lobe, ...] = ()
    size_mm: float | None = Field(default=None, gt=0, le=600)
    volume_ml: float | None = Field(default=None, ge=0)
    centre: tuple[float, float, float] | None = None
    box: Box | None = None
    label: int = Field(default=0, ge=0, le=255)
    comment: str = Field(default="", max_length=500)


class ReportSentence(_Frozen):
    """One sentence and the ids of the findings it speaks of."""

    part: Part
    text: str = Field(max_length=2000)
    findings: tuple[str, ...] = ()
    origin: Origin = Origin.MODEL


class ModelCredit(_Frozen):
    """Which model drafted, and what it was trained on."""

    name: str
    version: int
    sha256: str
    trained_on: Text


class ReportDocument(_Frozen):
    """The whole report. Equal documents have equal hashes."""

    schema_version: Literal[1] = 1
    language: Literal["en", "zh"]
    study_uid: str = Field(description="the pseudonymous study instance UID")
    series_uid: str = Field(description="the pseudonymous UID of the series that was read")
    sentences: tuple[ReportSentence, ...]
    findings: tuple[ReportFinding, ...]
    warnings: tuple[Text, ...] = Field(default=(), description="of the geometry gate")
    not_assessed: tuple[Text, ...] = ()
    model: ModelCredit | None = Field(default=None, description="None: written without a draft")
    notice: Text = NOTICE

    def text(self, part: Part) -> str:
        """The text of one part."""
        space = " " if self.language == "en" else ""
        return space.join(each.text for each in self.sentences if each.part is part)

    def content_hash(self) -> str:
        """SHA-256 of the document's canonical JSON; what a signature is bound to."""
        plain = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )
        return hashlib.sha256(plain.encode()).hexdigest()


class ReportState(StrEnum):
    """Where a version of a report stands."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    AMENDED = "amended"
    REJECTED = "rejected"


class Signature(_Frozen):
    """Who stands by which content, and as what."""

    name: str = Field(max_length=200)
    meaning: Text
    signed_at: datetime
    content_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    version: int = Field(ge=1)
