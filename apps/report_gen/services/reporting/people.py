"""Who a study is of: the name where the asker may see it, else the pseudonym."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.report_gen.clinical.identity import Person, look, look_several, may_look
from apps.report_gen.models import Study
from loupe.host.people import Actor, Project


@dataclass(frozen=True)
class Shown:
    """What stands at the head of a study; `clear` says that it is the patient's own name."""

    name: str
    accession: str = ""
    born: str = ""
    sex: str = ""
    clear: bool = False


def pseudonym(study: Study) -> Shown:
    """For those who may not see who it is."""
    return Shown(study.patient or study.uid[-12:])


def names(actor: Actor, project: Project, studies: Sequence[Study]) -> Mapping[UUID, Shown]:
    """By the study's key. What is seen in the clear is written into the audit log once."""
    found: dict[UUID, Person] = {}
    if studies and may_look(actor, project):
        found = look_several(actor, project, list(studies), "worklist")
    return {study.pk: _shown(study, found.get(study.pk)) for study in studies}


def name(actor: Actor, study: Study) -> Shown:
    """Of one study."""
    if not may_look(actor, study.project):
        return pseudonym(study)
    return _shown(study, look(actor, study, "page"))


def _shown(study: Study, person: Person | None) -> Shown:
    if person is None or not (person.name or person.patient_id):
        return pseudonym(study)
    return Shown(
        name=readable(person.name) or person.patient_id, accession=person.accession,
        born=_day(person.birth_date), sex=person.sex, clear=True,
    )  # fmt: skip


def readable(name: str) -> str:
    """DICOM's ``Family^Given=王^明`` as people write it: the first group that says something."""
    groups = [" ".join(part for part in group.split("^") if part) for group in name.split("=")]
    return next((group for group in groups if group), "")


def _day(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}" if len(date) == 8 and date.isdigit() else ""
