"""From files as they came to a study that the host reads: `receive`, `complete`, `read`.

Raw files go into the clinical store at once and are only ever opened in a child process. The host
gets one de-identified bundle a study, as one submission. Every step may be repeated after a kill.
`sorting` makes studies of what `receive` kept.
"""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.report_gen.bundles.asking import bundles_of
from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, Delivery, Study, StudyState
from apps.report_gen.models.study import StudyChannel
from apps.report_gen.services import clinical_text, handing_over, raw_files, scratch, wakeups
from apps.report_gen.services.handing_over import SLUG
from loupe.contract.receiving import Delivery as Handed
from loupe.contract.receiving import Received
from loupe.contract.runtime.errors import InputRefused, LoupeError, TemporarilyUnavailable
from loupe.host.people import Project
from loupe.host.results import new_id

log = logging.getLogger("loupe.report_gen")

_CHANNELS: Final[Mapping[str, StudyChannel]] = {
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
        for row in rows:
            row.delivery = delivery
        ClinicalObject.objects.bulk_create(rows, batch_size=500)
        wakeups.wake_delivery(delivery.pk)
    return Received(
        reference=str(delivery.pk),
        url=reverse("report_gen:delivery", args=[project.slug, delivery.pk]),
        api_url=f"/api/v1/{SLUG}/deliveries/{delivery.pk}",
        taken=len(rows),
    )


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
    try:
        with scratch.folder() as folder:
            found = bundles_of(
                raw_files.opened(raw_files.of_study(study), folder), raw_files.made_in(folder),
                installed.pseudonyms().key, language=study.language,
                clinical=clinical_text.of(study),
            )  # fmt: skip
            made = (each for each in found.bundles if each.manifest.study_uid == study.uid)
            bundle = next(made, None)
            if bundle is None:
                raise InputRefused(
                    "None of the files of the study can be read any more. Send the study again.",
                    code="no_images",
                )
            handing_over.keep(study, bundle)
            handing_over.submit(study, bundle)
    except TemporarilyUnavailable as error:
        log.warning("study %s waits: %s", study.pk, error.code)
    except LoupeError as error:
        handing_over.fail(study, error)
