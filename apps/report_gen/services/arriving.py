"""From files as they came to a study that the host reads: `receive`, `sort`, `complete`, `read`.

Raw files go into the clinical store at once and are only ever opened in a child process. The host
gets one de-identified bundle a study, as one submission. Every step may be repeated after a kill.
"""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.report_gen.bundles.asking import Bundle, LeftOut, Sorted, bundles_of
from apps.report_gen.clinical import identity, installed
from apps.report_gen.clinical.identity import Person
from apps.report_gen.models import (
    ClinicalObject,
    Delivery,
    DeliveryState,
    Study,
    StudyState,
)
from apps.report_gen.models.study import StudyChannel
from apps.report_gen.services import clinical_text, scratch, wakeups
from loupe.contract.receiving import Delivery as Handed
from loupe.contract.receiving import Received
from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.host import submitting
from loupe.host.people import Project
from loupe.host.results import new_id

log = logging.getLogger("loupe.report_gen")

SLUG: Final = "report_gen"
LEASE: Final = timedelta(seconds=130)
MOST_ATTEMPTS: Final = 3
RAW: Final = ("image", "upload")
UIDS: Final = "uids"
_CHANNELS: Final = {
    "web": StudyChannel.WEB, "rest": StudyChannel.REST, "folder": StudyChannel.FOLDER,
    "schedule": StudyChannel.FOLDER, "command": StudyChannel.COMMAND,
}  # fmt: skip


def receive(handed: Handed) -> Received:
    """Keep files in the clinical store, and have them sorted. The host's way in (`App.receive`).

    Raises:
        InputRefused: a clinical text is too long, or the language is not known.
        ClinicalDiskFull: there is no room; nothing is kept.
    """
    project = Project.objects.get(pk=handed.project_id)
    language = handed.facts.get("language", "en")
    if language not in ("en", "zh"):
        raise InputRefused(
            f"language is {language!r}; reports are written in 'en' or 'zh'.", code="language"
        )
    said = clinical_text.checked(handed.facts)
    store = installed.store()
    rows, names = [], []
    now = timezone.now()
    try:
        for file in handed.files:
            with file.path.open("rb") as stream:
                sealed = store.put(stream)
            rows.append(
                ClinicalObject(
                    id=new_id(), project=project, kind="upload", sealed=sealed.name,
                    sha256=sealed.sha256, bytes=sealed.bytes, received_at=now,
                )
            )  # fmt: skip
            names.append(file.name)
        about = store.put(json.dumps({"names": names, "clinical": said}).encode())
    except LoupeError:
        for row in rows:
            store.delete(row.sealed)
        raise
    with transaction.atomic():
        ClinicalObject.objects.bulk_create(rows, batch_size=500)
        delivery = Delivery.objects.create(
            project=project,
            channel=_CHANNELS.get(handed.channel, StudyChannel.REST),
            sent_by=handed.sent_by,
            user_id=handed.user_id,
            model_name=handed.model,
            language=language,
            files=len(rows),
            bytes=sum(row.bytes for row in rows),
            objects_kept=[str(row.pk) for row in rows],
            about=about.name,
        )
        wakeups.wake_delivery(delivery.pk)
    return Received(
        reference=str(delivery.pk),
        url=reverse("report_gen:delivery", args=[project.slug, delivery.pk]),
        api_url=f"/api/v1/{SLUG}/deliveries/{delivery.pk}",
        taken=len(rows),
    )


def sort(delivery_id: uuid.UUID) -> None:
    """Sort a delivery into studies and submit each; nothing where that is done or at work."""
    delivery = _claimed(delivery_id)
    if delivery is None:
        return
    try:
        _sort(delivery)
    except TemporarilyUnavailable as error:
        log.warning("delivery %s waits: %s", delivery.pk, error.code)
        _give_back(delivery)
    except LoupeError as error:
        log.warning("delivery %s cannot be used: %s", delivery.pk, error.code)
        _end(delivery, DeliveryState.FAILED, error_code=error.code, error=error.message)


@transaction.atomic
def complete(study_id: uuid.UUID) -> None:
    """A study that came image by image is whole: have it read."""
    changed = Study.objects.filter(pk=study_id, state=StudyState.ARRIVING).update(
        state=StudyState.WAITING, complete_at=timezone.now()
    )
    if changed:
        wakeups.wake_study(study_id)


@transaction.atomic
def read_again(study: Study) -> None:
    """Have a study read once more, e.g. because a clinical text was added."""
    Study.objects.filter(pk=study.pk).exclude(state=StudyState.ARRIVING).update(
        state=StudyState.WAITING
    )
    wakeups.wake_study(study.pk)


def read(study_id: uuid.UUID) -> None:
    """Make the bundle of a waiting study from all its raw files, and submit it."""
    study = Study.objects.select_related("project").filter(pk=study_id).first()
    if study is None or study.state != StudyState.WAITING:
        return
    rows = list(ClinicalObject.objects.filter(study=study, kind__in=RAW).order_by("received_at"))
    try:
        with scratch.folder() as folder:
            paths = _opened(rows, folder)
            found = bundles_of(
                list(paths.values()), _out(folder), installed.pseudonyms().key,
                language=study.language, clinical=clinical_text.of(study),
            )  # fmt: skip
            bundle = next((each for each in found.bundles if _uid(each) == study.uid), None)
            if bundle is None:
                raise InputRefused(
                    "None of the files of the study can be read any more. Send the study again.",
                    code="no_images",
                )
            _keep(study, bundle)
            _submit(study, bundle, found, "")
    except TemporarilyUnavailable as error:
        log.warning("study %s waits: %s", study.pk, error.code)
    except LoupeError as error:
        log.warning("study %s cannot be read: %s", study.pk, error.code)
        fail(study, error.code, error.message, error.message)


def fail(study: Study, code: str, en: str, zh: str) -> None:
    """The study cannot be read, for a reason that is none of the gate's."""
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.FAILED,
        problems=[{"code": code, "en": en, "zh": zh, "files": 0}],
    )


def _sort(delivery: Delivery) -> None:
    rows = list(ClinicalObject.objects.filter(pk__in=delivery.objects_kept))
    order = {key: number for number, key in enumerate(delivery.objects_kept)}
    rows.sort(key=lambda row: order[str(row.pk)])
    with installed.store().open(delivery.about) as stream:
        about = json.loads(stream.read())
    with scratch.folder() as folder:
        paths = _opened(rows, folder)
        found = bundles_of(
            list(paths.values()), _out(folder), installed.pseudonyms().key,
            language=delivery.language, clinical=about["clinical"],
        )  # fmt: skip
        studies = [
            _take(delivery, bundle, found, {paths_name(each): each for each in rows}, about)
            for bundle in found.bundles
        ]
    _tell(delivery, found.left_out, about["names"], rows)
    _end(
        delivery,
        DeliveryState.SORTED if studies else DeliveryState.FAILED,
        studies=[str(study.pk) for study in studies],
        left_out=found.left_out_count,
        problems=_counted(found.left_out),
        error_code="" if studies else "no_images",
        error="" if studies else "None of the files is an image of a study.",
    )


def _take(
    delivery: Delivery,
    bundle: Bundle,
    found: Sorted,
    by_name: Mapping[str, ClinicalObject],
    about: Mapping[str, Mapping[str, str]],
) -> Study:
    """One study of a delivery: new, or one that has images already."""
    now = timezone.now()
    mine = [by_name[name] for name in bundle.sources if name in by_name]
    with transaction.atomic():
        study, fresh = Study.objects.get_or_create(
            project=delivery.project,
            uid=_uid(bundle),
            defaults={
                "channel": delivery.channel,
                "arrived_at": delivery.created_at,
                "last_image_at": delivery.created_at,
                "language": delivery.language,
                "state": StudyState.WAITING,
            },
        )
        before = ClinicalObject.objects.filter(study=study, kind__in=RAW)
        known = set(before.values_list("sha256", flat=True))
        new = [row for row in mine if row.sha256 not in known]
        others = before.exclude(pk__in=[row.pk for row in mine]).exists()
        ClinicalObject.objects.filter(pk__in=[row.pk for row in new], study=None).update(
            study=study
        )
        if not fresh and not new and study.submission_id is not None:
            return study
        Study.objects.filter(pk=study.pk).update(
            state=StudyState.WAITING, complete_at=now, last_image_at=now,
            files=bundle.files, bytes=bundle.bytes, language=delivery.language,
        )  # fmt: skip
    study.refresh_from_db()
    if about["clinical"]:
        clinical_text.keep(study, about["clinical"])
    if others:
        wakeups.wake_study(study.pk)
        return study
    _keep(study, bundle)
    _submit(study, bundle, found, delivery.model_name)
    return study


def _keep(study: Study, bundle: Bundle) -> None:
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


def original_uids(study: Study) -> dict[str, str]:
    """Original UIDs of a study by their pseudonyms: for what goes back to where it came from."""
    row = ClinicalObject.objects.filter(study=study, kind=UIDS).order_by("-received_at").first()
    if row is None:
        return {}
    with installed.store().open(row.sealed) as stream:
        found: dict[str, str] = json.loads(stream.read())
    return found


def _submit(study: Study, bundle: Bundle, found: Sorted, model: str) -> None:
    """Hand the bundle to the host, as one submission that carries the study's id as a fact."""
    problems = [each.model_dump(mode="json") for each in bundle.manifest.problems]
    Study.objects.filter(pk=study.pk).update(
        state=StudyState.READING,
        patient=bundle.manifest.patient,
        problems=problems,
        left_out=sum(each.files for each in bundle.manifest.problems),
    )
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
    Study.objects.filter(pk=study.pk).update(submission_id=job.submission_id, job_id=job.pk)
    log.info("study %s was submitted as job %s", study.pk, job.pk)


def _host_channel(study: Study) -> str:
    """The host knows no DICOM: what came over the network is the command line's of the node."""
    return study.channel if study.channel in {"web", "rest", "folder"} else "command"


def _uid(bundle: Bundle) -> str:
    return bundle.manifest.study_uid


def paths_name(row: ClinicalObject) -> str:
    """What a raw file is called while a child process reads it: nothing a sender chose."""
    return f"file-{row.sealed}"


def _opened(rows: Sequence[ClinicalObject], folder: Path) -> dict[str, Path]:
    """The files decrypted below `folder`, by the ids of their rows."""
    raw = folder / "in"
    raw.mkdir(mode=0o700)
    store = installed.store()
    paths = {}
    for row in rows:
        target = raw / paths_name(row)
        with store.open(row.sealed) as stream, target.open("xb") as file:
            while piece := stream.read(1 << 20):
                file.write(piece)
        paths[str(row.pk)] = target
    return paths


def _out(folder: Path) -> Path:
    out = folder / "out"
    out.mkdir(mode=0o700)
    return out


def _tell(
    delivery: Delivery,
    left_out: Sequence[LeftOut],
    names: Sequence[str],
    rows: Sequence[ClinicalObject],
) -> None:
    """Keep, for the sender alone, which files cannot be used, under the names they came by."""
    if not left_out:
        return
    came_as = {paths_name(row): name for row, name in zip(rows, names, strict=True)}
    told = []
    for each in left_out:
        outer, slash, inner = each.name.partition("/")
        name = came_as.get(outer, outer) + slash + inner
        told.append(
            {
                "name": name,
                "code": each.code,
                "en": each.en.replace(each.name, name),
                "zh": each.zh.replace(each.name, name),
            }
        )
    delivery.told = installed.store().put(json.dumps(told).encode()).name
    delivery.save(update_fields=["told"])


def _counted(left_out: Sequence[LeftOut]) -> list[dict[str, object]]:
    """By code, without names."""
    counts: dict[str, int] = {}
    for each in left_out:
        counts[each.code] = counts.get(each.code, 0) + 1
    return [{"code": code, "files": count} for code, count in counts.items()]


def _claimed(delivery_id: uuid.UUID) -> Delivery | None:
    now = timezone.now()
    free = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.WAITING)
    with transaction.atomic():
        found = free.select_for_update().select_related("project").first()
        if found is None or (found.lease_until is not None and found.lease_until > now):
            return None
        if found.attempts >= MOST_ATTEMPTS:
            _end(
                found, DeliveryState.FAILED, error_code="workers_lost",
                error="Whoever read these files was lost three times; they may be hostile.",
            )  # fmt: skip
            return None
        found.attempts += 1
        found.lease_until = now + LEASE
        found.save(update_fields=["attempts", "lease_until"])
    return found


def _give_back(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        lease_until=None, attempts=max(0, delivery.attempts - 1)
    )


def _end(delivery: Delivery, state: DeliveryState, **changes: object) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, lease_until=None, ended_at=timezone.now(), **changes
    )
