"""The app's own tables. Nothing in `Study` names a patient: identity lies in the clinical store."""

from apps.report_gen.models.clinical import (
    Arrival,
    ClinicalObject,
    DicomPeer,
    Identity,
    IdentityGrant,
    PriorFetch,
    Priors,
    Sending,
    SendingState,
)
from apps.report_gen.models.deliveries import Delivery, DeliveryState
from apps.report_gen.models.report import (
    Clock,
    LabelConsent,
    ReaderEvent,
    Report,
    ReportState,
    ReportStep,
    ReportVersion,
)
from apps.report_gen.models.returning import ReportReturn
from apps.report_gen.models.study import Study, StudyState

__all__ = [
    "Arrival",
    "ClinicalObject",
    "Clock",
    "Delivery",
    "DeliveryState",
    "DicomPeer",
    "Identity",
    "IdentityGrant",
    "LabelConsent",
    "PriorFetch",
    "Priors",
    "ReaderEvent",
    "Report",
    "ReportReturn",
    "ReportState",
    "ReportStep",
    "ReportVersion",
    "Sending",
    "SendingState",
    "Study",
    "StudyState",
]
