"""Earlier studies of the same patient, by pseudonym, and what was signed about them."""

from dataclasses import dataclass

from apps.report_gen.models import Report, ReportState, Study, StudyState
from apps.report_gen.report import Part, ReportDocument
from apps.report_gen.services.reporting.reports import signed_version
from loupe.host.people import Actor, visible

MOST = 20


@dataclass(frozen=True)
class Prior:
    """An earlier study; `document` is what was signed about it, None: nothing."""

    study: Study
    document: ReportDocument | None
    signed_by: str = ""

    def text(self, part: Part) -> str:
        """What its report says."""
        return self.document.text(part) if self.document else ""


def priors(actor: Actor, study: Study) -> list[Prior]:
    """Earlier studies of the patient that were read, the newest first."""
    if not study.patient:
        return []
    rows = visible(Study.objects.filter(project=study.project, patient=study.patient), actor)
    rows = rows.exclude(pk=study.pk).filter(
        arrived_at__lte=study.arrived_at, state__in=(StudyState.DRAFTED, StudyState.REPORTED)
    )
    rows = rows.select_related("result", "project").order_by("-arrived_at", "-pk")[:MOST]
    return [_prior(row) for row in rows]


def _prior(study: Study) -> Prior:
    report = Report.objects.filter(
        study=study, state__in=(ReportState.SIGNED, ReportState.AMENDED)
    ).first()
    row = signed_version(report) if report is not None else None
    if row is None or row.signature is None:
        return Prior(study, None)
    document = ReportDocument.model_validate(row.document)
    return Prior(study, document, str(row.signature["name"]))
