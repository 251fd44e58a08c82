"""The report of a study: begun from its result, looked up, and what it says now."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.bundles.opening import is_bundle, manifest_of
from apps.report_gen.models import Report, ReportState, ReportStep, ReportVersion, Study
from apps.report_gen.report import ReportDocument, Signature
from apps.report_gen.reporting.chain import GENESIS, Link, broken_at, digest
from apps.report_gen.reporting.drafting import drafted
from apps.report_gen.schema import Language, StudyResult
from apps.report_gen.services.reporting.claims import lock
from apps.report_gen.services.reporting.errors import Closed
from loupe.host.blobs import open_local
from loupe.host.people import Actor, NotVisible, Project, visible
from loupe.host.results import Result

OPEN_STATES = (ReportState.DRAFT, ReportState.REVIEWED, ReportState.REJECTED)


@dataclass(frozen=True)
class Whole:
    """A report together with its study, its result and the document as it stands now."""

    study: Study
    report: Report
    result: StudyResult
    row: Result
    document: ReportDocument
    draft: ReportDocument


def find(actor: Actor, project: Project, study_id: UUID) -> Study:
    """One study of the project.

    Raises:
        NotVisible: there is none.
    """
    rows = visible(Study.objects.filter(project=project), actor)
    rows = rows.select_related("project", "claimed_by", "acknowledged_by", "result")
    found = rows.filter(pk=study_id).first()
    if found is None:
        raise NotVisible(_("There is no study %(id)s that you can see.") % {"id": study_id})
    return found


def result_of(study: Study) -> tuple[Result, StudyResult]:
    """What came of reading it.

    Raises:
        Closed: nothing yet.
    """
    if study.result is None:
        raise Closed(
            _("This study is %(state)s: there is no draft to read yet.")
            % {"state": study.get_state_display().lower()}
        )
    return study.result, StudyResult.model_validate(study.result.data)


def opened(study: Study) -> Whole:
    """The report with its document; begun now where there is none.

    Raises:
        Closed: the study has no draft.
    """
    row, result = result_of(study)
    if result.status != "drafted":
        raise Closed(_("This study was refused, so there is no draft: its page says why."))
    report = Report.objects.filter(study=study).first()
    if report is None or _outdated(report, row):
        report = _begun(study, row, result)
    return Whole(study, report, result, row, document_of(report), draft_of(report))


def _outdated(report: Report, row: Result) -> bool:
    """Whether a newer result can take the place of the draft: nobody has touched it."""
    untouched = report.state == ReportState.DRAFT and report.step == 0 and report.revision == 0
    return untouched and report.result_id != row.pk


@transaction.atomic
def _begun(study: Study, row: Result, result: StudyResult) -> Report:
    lock(study.pk)
    report, made = Report.objects.get_or_create(
        study_id=study.pk, defaults={"project_id": study.project_id}
    )
    if not made and not _outdated(report, row):
        return report
    document, author = draft_of_result(study, row, result)
    append(report, ReportState.DRAFT, document, author=author)
    report.result_id = row.pk
    report.save(update_fields=["result_id"])
    return report


def draft_of_result(study: Study, row: Result, result: StudyResult) -> tuple[ReportDocument, str]:
    """What the machine drafted, in the study's language, and who drafted it."""
    language: Language = "zh" if study.language.startswith("zh") else "en"
    credit = result.model
    author = f"model:{credit.name} {credit.version}" if credit else "model"
    return drafted(result, language, _indication(row)), author


def _indication(row: Result) -> str:
    """What was asked, as the bundle has it: without what names anybody; empty where none was."""
    received = row.item.input
    if received is None or received.blob is None:
        return ""
    with open_local(received.blob) as path:
        return manifest_of(path).clinical.indication if is_bundle(path) else ""


def append(
    report: Report, state: ReportState, document: ReportDocument, *, author: str,
    actor: Actor | None = None, reason: str = "", signature: Signature | None = None,
) -> ReportVersion:  # fmt: skip
    """Add a version; the steps before it have served. Call it with the report locked."""
    last = report.versions.order_by("-number").first()
    at = signature.signed_at if signature is not None else timezone.now()
    signed = None if signature is None else signature.model_dump(mode="json")
    link = Link(
        report=str(report.study_id), number=report.number + 1, state=state.value,
        content_hash=document.content_hash(), author=author, at=at, reason=reason,
        signature=signed, previous=last.hash if last else GENESIS,
    )  # fmt: skip
    made = ReportVersion.objects.create(
        report=report, number=link.number, state=state, document=document.model_dump(mode="json"),
        content_hash=link.content_hash, author=author, user=actor.user if actor else None, at=at,
        reason=reason, signature=signed, previous_hash=link.previous, hash=digest(link),
    )  # fmt: skip
    report.steps.all().delete()
    report.number, report.state, report.step = link.number, state, 0
    report.save(update_fields=["number", "state", "step"])
    return made


def document_of(report: Report) -> ReportDocument:
    """What the report says now: the current step, else the newest version."""
    if report.step:
        step = ReportStep.objects.get(report=report, number=report.step)
        return ReportDocument.model_validate(step.document)
    return ReportDocument.model_validate(report.versions.get(number=report.number).document)


def draft_of(report: Report) -> ReportDocument:
    """The model's newest draft of it."""
    version = report.versions.filter(state=ReportState.DRAFT).order_by("-number").first()
    if version is None:
        raise RuntimeError(f"Report {report.pk} has no draft.")
    return ReportDocument.model_validate(version.document)


def version(report: Report, number: int) -> ReportVersion:
    """One version.

    Raises:
        NotVisible: there is none.
    """
    found = report.versions.filter(number=number).first() if 0 < number < 2**31 else None
    if found is None:
        raise NotVisible(_("This report has no version %(number)s.") % {"number": number})
    return found


def signed_version(report: Report) -> ReportVersion | None:
    """The newest version that carries a signature."""
    rows = report.versions.filter(state__in=(ReportState.SIGNED, ReportState.AMENDED))
    return rows.order_by("-number").first()


def signature_of(row: ReportVersion) -> Signature | None:
    """The signature of a version."""
    return None if row.signature is None else Signature.model_validate(row.signature)


def broken_version(report: Report) -> int | None:
    """The number of the first version that is not what its hash says; None: all are."""
    links = []
    for row in report.versions.order_by("number"):
        # The hash of the content is taken from the content, not from beside it.
        content = ReportDocument.model_validate(row.document).content_hash()
        link = Link(
            report=str(report.study_id), number=row.number, state=row.state, content_hash=content,
            author=row.author, at=row.at, reason=row.reason, signature=row.signature,
            previous=row.previous_hash,
        )  # fmt: skip
        links.append((link, row.hash))
    return broken_at(links)
