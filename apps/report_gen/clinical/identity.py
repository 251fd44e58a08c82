"""Who a study is about: kept encrypted, seen only with a permission of its own, each look audited.

`keep` writes it, `look` gives it to somebody who may see it, `grant` and `revoke` say who may,
`found_by` finds studies of a patient or an accession number by keyed hash.
"""

import json
import uuid
from dataclasses import asdict, dataclass, field
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from pydicom.dataset import Dataset

from apps.report_gen.clinical import installed
from apps.report_gen.clinical.sealing import open_small, seal_small
from apps.report_gen.models import Identity, IdentityGrant, Study
from loupe.host.people import SYSTEM, Action, Actor, Denied, Project, can, record_audit, require

MOST_TEXT: Final = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What names a patient and a study, as the headers said it. Dates are DICOM's, YYYYMMDD."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession: str = ""
    study_uid: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    referrer: str = ""
    description: str = ""
    institution: str = ""
    others: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset) -> "Person":
        """Read it off a data set; what is missing is empty, what is long is cut."""

        def said(keyword: str) -> str:
            value = dataset.get(keyword)
            return "" if value is None else str(value).strip("\0 ")[:MOST_TEXT]

        return cls(
            patient_id=said("PatientID"),
            issuer=said("IssuerOfPatientID"),
            name=said("PatientName"),
            birth_date=said("PatientBirthDate"),
            sex=said("PatientSex"),
            accession=said("AccessionNumber"),
            study_uid=said("StudyInstanceUID"),
            study_id=said("StudyID"),
            study_date=said("StudyDate"),
            study_time=said("StudyTime"),
            referrer=said("ReferringPhysicianName"),
            description=said("StudyDescription"),
            institution=said("InstitutionName"),
        )


def keep(study: Study, person: Person) -> Identity:
    """Keep, encrypted, who the study is about; a second time replaces the first."""
    kept, _made = Identity.objects.update_or_create(
        study=study,
        defaults={
            "body": seal_small(
                json.dumps(asdict(person)).encode(), installed.keyring(), _place(study.pk)
            ),
            "patient_hash": _patient_hash(person.patient_id) if person.patient_id else "",
            "accession_hash": (
                installed.keyed_hash("accession", person.accession) if person.accession else ""
            ),
            "erased_at": None,
        },
    )
    return kept


def look(actor: Actor, study: Study, why: str) -> Person | None:
    """Who the study is about; None where nothing is kept. The look is written into the audit log.

    Args:
        why: what for, one word for the log: ``page``, ``export``, ``send``.

    Raises:
        Denied: the actor may not see it.
        Tampered, KeyMissing: what is kept cannot be read.
    """
    require_look(actor, study.project)
    found = _read(study)
    if found is not None:
        record_audit(actor, study.project, "identity.seen", f"study:{study.pk}", {"why": why})
    return found


def look_several(
    actor: Actor, project: Project, studies: list[Study], why: str
) -> dict[uuid.UUID, Person]:
    """As `look`, for a list: by the studies' keys, with one event in the audit log."""
    require_look(actor, project)
    rows = Identity.objects.filter(study__in=studies, study__project=project, erased_at=None)
    found = {row.study_id: _opened(row) for row in rows}
    if found:
        record_audit(
            actor,
            project,
            "identity.seen",
            f"studies:{len(found)}",
            {"why": why, "studies": [str(key) for key in found]},
        )
    return found


def found_by(
    actor: Actor, project: Project, *, patient_id: str = "", accession: str = ""
) -> "QuerySet[Study]":
    """Studies of the project with exactly this patient id or accession number, newest first.

    Raises:
        Denied: the actor may not see identities.
    """
    require_look(actor, project)
    rows = Study.objects.filter(project=project, identity__erased_at=None)
    if patient_id:
        rows = rows.filter(identity__patient_hash=_patient_hash(patient_id))
    if accession:
        rows = rows.filter(identity__accession_hash=installed.keyed_hash("accession", accession))
    if not patient_id and not accession:
        return rows.none()
    return rows.order_by("-arrived_at")


def may_look(actor: Actor, project: Project) -> bool:
    """Whether the actor may see identities: by a grant, not by role. API keys may not."""
    if actor.key is not None or not can(actor, Action.VIEW, project):
        return False
    if actor.user is None or actor.user.is_superuser:
        return True
    return IdentityGrant.objects.filter(project=project, user=actor.user).exists()


def require_look(actor: Actor, project: Project) -> None:
    """Pass in silence or raise.

    Raises:
        Denied: the actor may not see who studies are about.
    """
    if not may_look(actor, project):
        raise Denied(
            _(
                "You may not see who the studies of this project are about. Somebody who manages "
                "its members can let you, under DICOM."
            ),
            code="identity_hidden",
        )


@transaction.atomic
def grant(actor: Actor, project: Project, user: User) -> IdentityGrant:
    """Let a person see identities.

    Raises:
        Denied: the actor does not manage members.
    """
    require(actor, Action.MANAGE_MEMBERS, project)
    made, fresh = IdentityGrant.objects.get_or_create(
        project=project, user=user, defaults={"granted_by": actor.user}
    )
    if fresh:
        record_audit(actor, project, "identity.granted", f"user:{user.get_username()}")
    return made


@transaction.atomic
def revoke(actor: Actor, project: Project, user: User) -> None:
    """Let a person see identities no longer.

    Raises:
        Denied: the actor does not manage members.
    """
    require(actor, Action.MANAGE_MEMBERS, project)
    gone, _each = IdentityGrant.objects.filter(project=project, user=user).delete()
    if gone:
        record_audit(actor, project, "identity.revoked", f"user:{user.get_username()}")


def for_output(study: Study, why: str) -> Person | None:
    """The identity for what the system itself sends back to where the study came from; audited."""
    return look(SYSTEM, study, why)


def _read(study: Study) -> Person | None:
    row = Identity.objects.filter(study=study, erased_at=None).first()
    return None if row is None else _opened(row)


def _opened(row: Identity) -> Person:
    body = open_small(bytes(row.body), installed.keyring(), _place(row.study_id))
    return Person(**json.loads(body))


def _place(study_id: uuid.UUID) -> str:
    return f"identity/{study_id}"


def _patient_hash(patient_id: str) -> str:
    return installed.keyed_hash("patient", patient_id)
