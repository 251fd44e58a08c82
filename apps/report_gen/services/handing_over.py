"""A study's bundle goes to the host; what names the patient goes into the clinical store."""

import json
import logging
from typing import Any, Final

from django.utils import timezone

from apps.report_gen.bundles.asking import Bundle
from apps.report_gen.clinical import identity, installed
from apps.report_gen.clinical.identity import Person
from apps.report_gen.models import ClinicalObject, Study, StudyState
from apps.report_gen.services.chinese import in_chinese
from loupe.contract.runtime.errors import LoupeError
from loupe.host import submitting
from loupe.host.results import new_id

log = logging.getLogger("loupe.report_gen")

SLUG: Final = "report_gen"
UIDS: Final = "uids"


def keep(study: Study, bundle: Bundle) -> None:
    """What names the patient, and the original UIDs, into the clinical store."""
    if bundle.person:
        told: Any = dict(bundle.person)
        identity.keep(study, Person(**told))
    store = installed.store()
    sealed = store.put(json.dumps(dict(bundle.uids)).encode())
    old = list(ClinicalObject.objects.filter(study=study, kind=UIDS))
    ClinicalObject.objects.create(
        id=new_id(), project=study.project, study=study, kind=UIDS, sealed=sealed.name,
        sha256=sealed.sha256, bytes=sealed.bytes, received_at=timezone.now(),
    )  # fmt: skip
    for row in old:
        row.delete()
        store.delete(row.sealed)


def submit(study: Study, bundle: Bundle, model: str = "") -> None:
    """Hand the bundle to the host, as one submission that carries the study's id as a fact.

    Raises:
        LoupeError: the host does not take it, e.g. as there is no model.
    """
    job = submitting.submit_file(
        study.project,
        SLUG,
        submitting.channel_of(_host_channel(study)),
        bundle.path,
        name=f"{study.uid}.zip",
        job_name=study.uid,
        model=model or None,
        facts={"study": str(study.pk), "language": study.language},
    )
    # All at once: a study that nobody submitted yet waits, and is found by `recovering`.
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.READING,
        patient=bundle.manifest.patient,
        problems=[each.model_dump(mode="json") for each in bundle.manifest.problems],
        left_out=sum(each.files for each in bundle.manifest.problems),
        submission_id=job.submission_id,
        job_id=job.pk,
    )
    log.info("study %s was submitted as job %s", study.pk, job.pk)


def fail(study: Study, error: LoupeError) -> None:
    """The study cannot be read, for a reason that is none of the gate's."""
    log.warning("study %s cannot be read: %s", study.pk, error.code)
    told = {"code": error.code, "en": error.message, "files": 0}
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.FAILED,
        problems=[{**told, "zh": in_chinese(error.message, error.code)}],
    )


def original_uids(study: Study) -> dict[str, str]:
    """Original UIDs of a study by their pseudonyms: for what goes back to where it came from."""
    row = ClinicalObject.objects.filter(study=study, kind=UIDS).order_by("-received_at").first()
    if row is None:
        return {}
    with installed.store().open(row.sealed) as stream:
        found: dict[str, str] = json.loads(stream.read())
    return found


def _host_channel(study: Study) -> str:
    """The host knows no DICOM: what came over the network is the command line's of the node."""
    return study.channel if study.channel in {"web", "rest", "folder"} else "command"
