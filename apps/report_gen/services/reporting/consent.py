"""Whether a project's signed corrections may train models, and the labels where they may."""

from collections.abc import Iterator

from django.db import transaction
from django.utils.translation import gettext as _

from apps.report_gen.models import LabelConsent, Report, ReportVersion
from apps.report_gen.report import ReportDocument
from apps.report_gen.services.reporting.claims import person
from apps.report_gen.services.reporting.reports import signed_version
from loupe.host.people import Action, Actor, Denied, Project, record_audit, require


def current(project: Project) -> LabelConsent | None:
    """The newest word on it; None: nobody was asked."""
    rows = LabelConsent.objects.filter(project=project).select_related("user")
    return rows.order_by("-pk").first()


def is_given(project: Project) -> bool:
    """Whether corrections may become labels now."""
    found = current(project)
    return found is not None and found.given


@transaction.atomic
def say(actor: Actor, project: Project, *, given: bool) -> LabelConsent:
    """Give or withdraw the consent; from then on it holds for every signed report.

    Raises:
        NotVisible, Denied: the actor may not settle this for the project.
    """
    user = person(actor)
    require(actor, Action.MANAGE_MEMBERS, project)
    before = current(project)
    if before is not None and before.given == given:
        return before
    made = LabelConsent.objects.create(project=project, given=given, user=user)
    verb = "given" if given else "withdrawn"
    record_audit(actor, project, f"label_consent.{verb}", f"project:{project.pk}", {})
    return made


def labels(actor: Actor, project: Project) -> Iterator[tuple[str, ReportDocument]]:
    """Pseudonymous study and signed document of every signed report, the oldest first.

    Raises:
        NotVisible, Denied: the actor may not export.
        Denied: the project has not consented.
    """
    require(actor, Action.EXPORT, project)
    if not is_given(project):
        raise Denied(
            _(
                "This project has not consented to the use of its corrections as labels: an "
                "administrator can do so on the quality page."
            ),
            code="no_consent",
        )
    record_audit(actor, project, "labels.exported", f"project:{project.pk}", {})
    return _rows(project)


def _rows(project: Project) -> Iterator[tuple[str, ReportDocument]]:
    signed = ReportVersion.objects.filter(report__project=project, signature__isnull=False)
    reports = Report.objects.filter(pk__in=signed.values("report")).select_related("study")
    for report in reports.order_by("pk").iterator(chunk_size=200):
        row = signed_version(report)
        if row is not None:
            yield report.study.uid, ReportDocument.model_validate(row.document)
