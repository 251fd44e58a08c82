"""The app's own tables. Nothing in `Study` names a patient: identity lies in the clinical store."""

from apps.report_gen.models.report import (
    Clock,
    LabelConsent,
    ReaderEvent,
    Report,
    ReportState,
    ReportStep,
    ReportVersion,
)
from apps.report_gen.models.study import Study, StudyState

__all__ = [
    "Clock",
    "LabelConsent",
    "ReaderEvent",
    "Report",
    "ReportState",
    "ReportStep",
    "ReportVersion",
    "Study",
    "StudyState",
]
