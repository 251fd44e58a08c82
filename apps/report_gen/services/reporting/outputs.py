"""A version of a report in the forms in which it leaves: PDF, DICOM SR and SEG, FHIR.

Made when they are asked for, of the version that is signed, or of the draft with its state said.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.report_gen.clinical.identity import Person, look, may_look
from apps.report_gen.models import Report, ReportVersion, Study
from apps.report_gen.report import ReportDocument, ReportState
from apps.report_gen.schema import StudyResult
from apps.report_gen.services.handing_over import original_uids
from apps.report_gen.services.reporting import reports, volumes
from loupe.contract.runtime.steps import load
from loupe.host.people import Action, Actor, NotVisible, record_audit, require

if TYPE_CHECKING:
    from apps.report_gen.outputs.edition import Edition, OutputIdentity
    from apps.report_gen.outputs.masks import Masks
    from apps.report_gen.outputs.scan import Scan


@dataclass(frozen=True)
class Form:
    """A form: its media type, and how its file ends."""

    media_type: str
    ending: str


FORMS: Final[Mapping[str, Form]] = {
    "pdf": Form("application/pdf", "pdf"),
    "sr": Form("application/dicom", "sr.dcm"),
    "seg": Form("application/dicom", "seg.dcm"),
    "fhir": Form("application/fhir+json", "fhir.json"),
}
_RENDER: Final = "apps.report_gen.outputs.rendering"


@dataclass(frozen=True)
class Output:
    """A file, ready to be sent."""

    data: bytes
    media_type: str
    name: str


def output(actor: Actor, study: Study, form: str) -> Output:
    """The newest version of a study's report in a form.

    Patients are named for those who may see who they are; everybody else gets pseudonyms.

    Raises:
        NotVisible: there is no such form, or the study has no report.
        Denied: the actor may not export.
        InputRefused: this report cannot be said in this form; the code says why.
    """
    require(actor, Action.EXPORT, study.project)
    if form not in FORMS:
        raise NotVisible(_("A report comes as one of %(forms)s.") % {"forms": ", ".join(FORMS)})
    whole = reports.opened(study)
    row = _newest(whole.report)
    edition = edition_of(whole.report, row)
    clear = may_look(actor, study.project)
    person = look(actor, study, "export") if clear else None
    data = made(study, whole.result, edition, identity_of(study, whole.result, person), form)
    told = {"form": form, "version": row.number, "named": person is not None}
    record_audit(actor, study.project, "report.exported", f"study:{study.pk}", told)
    name = f"report-{study.uid[-16:]}-v{row.number}.{FORMS[form].ending}"
    return Output(data, FORMS[form].media_type, name)


def to_send_back(study: Study, number: int) -> dict[str, bytes]:
    """SR and, where there are masks on images, SEG of a signed version, under the identity that
    the study came with: what goes back to the PACS.

    Raises:
        NotVisible: there is no such version, or the images are not kept any more.
        InputRefused: this report cannot be said so; the code says why.
        TemporarilyUnavailable: the engine is away or too busy.
    """
    whole = reports.opened(study)
    row = reports.version(whole.report, number)
    edition = edition_of(whole.report, row)
    from_store = look(Actor(), study, "send")
    identity = identity_of(study, whole.result, from_store, original_uids(study))
    scan = _scan(study)
    if not scan.sources:
        return {}
    masks = _masks(whole.result)
    files = {"SR": load(f"{_RENDER}:sr")(edition, identity, scan, masks)}
    if masks is not None and load("apps.report_gen.outputs.masks:segments_of")(
        edition.document, scan, masks
    ):
        files["SEG"] = load(f"{_RENDER}:seg")(edition, identity, scan, masks)
    return files


def made(
    study: Study, result: StudyResult, edition: "Edition", identity: "OutputIdentity", form: str
) -> bytes:
    """One form of an edition."""
    if form == "fhir":
        found = load(f"{_RENDER}:fhir")(edition, identity)
        return json.dumps(found, ensure_ascii=False, indent=1).encode()
    masks = _masks(result)
    if form == "pdf":
        data: bytes = load(f"{_RENDER}:pdf")(edition, identity, _volume(study), masks)
        return data
    scan = _scan(study)
    if form == "seg" and masks is None:
        raise NotVisible(_("This study has no masks."))
    file: bytes = load(f"{_RENDER}:{form}")(edition, identity, scan, masks)
    return file


def edition_of(report: Report, row: ReportVersion) -> "Edition":
    """A version as the outputs take it, with the signed one that it amends."""
    before = (
        report.versions.filter(number__lt=row.number, signature__isnull=False)
        .order_by("-number")
        .first()
    )
    amends = row.state == ReportState.AMENDED and before is not None
    kind: type[Edition] = load("apps.report_gen.outputs.edition:Edition")
    return kind(
        document=ReportDocument.model_validate(row.document),
        state=ReportState(row.state),
        version=row.number,
        made_at=row.at,
        signature=reports.signature_of(row),
        previous=edition_of(report, before) if amends and before is not None else None,
    )


def identity_of(
    study: Study, result: StudyResult, person: Person | None, uids: Mapping[str, str] | None = None
) -> "OutputIdentity":
    """Under whom it is filed. Without a person: the pseudonymous study.

    Args:
        uids: original UIDs by their pseudonyms; then images are named as the PACS names them.
    """
    kind: type[OutputIdentity] = load("apps.report_gen.outputs.edition:OutputIdentity")
    told: dict[str, Any] = {
        "study_uid": result.study_uid or study.uid, "series_uid": result.series_uid or study.uid,
        "patient_id": study.patient,
    }  # fmt: skip
    if uids:
        told |= {
            "study_uid": uids.get(told["study_uid"], told["study_uid"]),
            "series_uid": uids.get(told["series_uid"], told["series_uid"]),
            "sop_uids": dict(uids),
        }
    if person is not None:
        told |= {
            "patient_name": person.name, "patient_id": person.patient_id,
            "sex": person.sex if person.sex in ("M", "F", "O") else "",
            "accession": person.accession, "referring_physician": person.referrer,
            "institution": person.institution, "study_id": person.study_id,
        }  # fmt: skip
        born, when = _day(person.birth_date), _day(person.study_date)
        told |= {"birth_date": None if born is None else born.date(), "study_date": when}
    return kind(**told)


def _newest(report: Report) -> ReportVersion:
    return reports.signed_version(report) or reports.version(report, report.number)


def _day(text: str) -> datetime | None:
    try:
        found = datetime.strptime(text, "%Y%m%d")
    except ValueError:
        return None
    return timezone.make_aware(found)


def _masks(result: StudyResult) -> "Masks | None":
    if result.masks is None:
        return None
    found: Masks = load("apps.report_gen.outputs.masks:Masks").of_result(result.masks)
    return found


def _scan(study: Study) -> "Scan":
    record = json.loads(volumes.volume(study, volumes.SCAN).read_bytes())
    found: Scan = load("apps.report_gen.outputs.scan:Scan").from_record(record)
    return found


def _volume(study: Study) -> Any:
    voxels, affine = load("apps.report_gen.viewing.slices:read")(volumes.volume(study, "full"))
    spacing = tuple(float(each) for each in (affine[:3, :3] ** 2).sum(axis=0) ** 0.5)[::-1]
    return load("apps.report_gen.volume:Volume")(hu=voxels, spacing=spacing, affine=affine)
