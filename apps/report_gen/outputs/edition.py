"""What an output is made of besides the scan: one version of a report, and whom it is about.

Offers `Edition` (a document with its state, version, time and signature), `OutputIdentity` (the
patient and the UIDs that the output is filed under) and `deterministic_uid`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from apps.report_gen.report import ReportDocument, ReportState, Signature
from loupe.contract.runtime.errors import InputRefused

SIGNED_STATES: Final = (ReportState.SIGNED, ReportState.AMENDED)
MOST_FINDINGS: Final = 200
"""Findings and, separately, segments of one report that an output is made of."""
MOST_SENTENCES: Final = 1000
_UID_CHARACTERS: Final = frozenset("0123456789.")


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputIdentity:
    """Under whom and what an output is filed: the original study, or its pseudonymous form.

    All but the two UIDs may be empty. `sop_uids` leads from the UIDs of the images as they were
    read (pseudonymous ones) to those of the study that the output goes with; what it does not hold
    stays.
    """

    study_uid: str
    series_uid: str
    patient_name: str = ""
    """As in DICOM, parts divided by ``^``."""
    patient_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    """``M``, ``F`` or ``O``."""
    accession: str = ""
    referring_physician: str = ""
    institution: str = ""
    study_id: str = ""
    study_date: datetime | None = None
    frame_of_reference_uid: str = ""
    """Of the series that was read; without it one is made of the series' UID."""
    sop_uids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for name in ("study_uid", "series_uid"):
            _check_uid(name, getattr(self, name))
        if self.frame_of_reference_uid:
            _check_uid("frame_of_reference_uid", self.frame_of_reference_uid)

    def frame_of_reference(self) -> str:
        """The frame of reference that coordinates are told in."""
        return self.frame_of_reference_uid or deterministic_uid("frame", self.series_uid)

    def original(self, sop_instance_uid: str) -> str:
        """The UID that an image has where the output goes."""
        return self.sop_uids.get(sop_instance_uid, sop_instance_uid)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """One version of a report. Equal editions give equal outputs, byte by byte.

    `previous` is the edition that this one amends; of signed ones only.
    """

    document: ReportDocument
    state: ReportState
    version: int
    made_at: datetime
    signature: Signature | None = None
    previous: "Edition | None" = None

    def __post_init__(self) -> None:
        if self.version < 1:
            raise InputRefused(
                f"The version of a report is {self.version}; versions count from 1.",
                code="report_version",
            )
        for name, count, most in (
            ("findings", len(self.document.findings), MOST_FINDINGS),
            ("sentences", len(self.document.sentences), MOST_SENTENCES),
        ):
            if count > most:
                raise InputRefused(
                    f"The report has {count} {name}; outputs are made of {most} at most. Remove "
                    "some of them.",
                    code="report_too_long",
                )
        ids = [each.id for each in self.document.findings]
        if len(set(ids)) < len(ids):
            raise InputRefused(
                "Two findings of the report have the same id; ids must differ. Give each finding "
                "an id of its own.",
                code="finding_id_twice",
            )
        if (self.state in SIGNED_STATES) != (self.signature is not None):
            raise InputRefused(
                f"The report is {self.state.value} and has "
                f"{'a' if self.signature else 'no'} signature; signed and amended reports have "
                "one, others have none. Sign the report, or make the output of its draft.",
                code="report_signature",
            )
        if self.signature and self.signature.content_hash != self.document.content_hash():
            raise InputRefused(
                "The signature is bound to another content than that of this report; the hashes "
                "must be equal. Make the output of the version that was signed.",
                code="signature_mismatch",
            )

    @property
    def signed(self) -> bool:
        """Somebody stands by it."""
        return self.signature is not None

    @property
    def zh(self) -> bool:
        """The report is written in Chinese."""
        return self.document.language == "zh"

    def key(self) -> tuple[str, ...]:
        """What tells this edition from every other of the same study."""
        return self.document.content_hash(), str(self.version), self.state.value


def deterministic_uid(*parts: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) made of texts: the same for the same texts."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _check_uid(name: str, value: str) -> None:
    if not 0 < len(value) <= 64 or not _UID_CHARACTERS.issuperset(value) or value[0] == ".":
        raise InputRefused(
            f"{name} is {value[:80]!r}; a UID of digits and dots, 64 characters at most, is "
            "needed. Give the UID of the study that the output belongs to.",
            code="output_uid",
        )
