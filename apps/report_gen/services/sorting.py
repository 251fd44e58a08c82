"""Sorts a delivery into studies and submits each: safe to repeat after a kill, leased meanwhile."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from apps.report_gen.bundles.asking import Bundle, LeftOut, bundles_of
from apps.report_gen.clinical import installed
from apps.report_gen.models import ClinicalObject, Delivery, DeliveryState, Study, StudyState
from apps.report_gen.services import clinical_text, handing_over, raw_files, scratch, wakeups
from loupe.contract.runtime.errors import LoupeError, TemporarilyUnavailable

log = logging.getLogger("loupe.report_gen")

LEASE: Final = timedelta(seconds=130)
MOST_ATTEMPTS: Final = 3


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


def _sort(delivery: Delivery) -> None:
    rows = list(ClinicalObject.objects.filter(pk__in=delivery.objects_kept))
    order = {key: number for number, key in enumerate(delivery.objects_kept)}
    rows.sort(key=lambda row: order[str(row.pk)])
    with installed.store().open(delivery.about) as stream:
        about = json.loads(stream.read())
    with scratch.folder() as folder:
        found = bundles_of(
            raw_files.opened(rows, folder), raw_files.made_in(folder),
            installed.pseudonyms().key, language=delivery.language, clinical=about["clinical"],
        )  # fmt: skip
        by_name = {raw_files.name_of(each): each for each in rows}
        studies = [_take(delivery, bundle, by_name, about) for bundle in found.bundles]
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
    by_name: Mapping[str, ClinicalObject],
    about: Mapping[str, Mapping[str, str]],
) -> Study:
    """One study of a delivery: new, or one that has images already."""
    now = timezone.now()
    mine = [by_name[name] for name in bundle.sources if name in by_name]
    with transaction.atomic():
        study, fresh = Study.objects.get_or_create(
            project=delivery.project,
            uid=bundle.manifest.study_uid,
            defaults={
                "channel": delivery.channel,
                "arrived_at": delivery.created_at,
                "last_image_at": delivery.created_at,
                "language": delivery.language,
                "state": StudyState.WAITING,
            },
        )
        before = raw_files.of_study(study)
        known = {row.sha256 for row in before}
        new = [row for row in mine if row.sha256 not in known]
        others = known - {row.sha256 for row in mine}
        raw_files.link(study, mine)
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
    try:
        handing_over.keep(study, bundle)
        handing_over.submit(study, bundle, delivery.model_name)
    except TemporarilyUnavailable:
        raise  # the whole delivery waits
    except LoupeError as error:
        handing_over.fail(study, error)
    return study


def _tell(
    delivery: Delivery,
    left_out: Sequence[LeftOut],
    names: Sequence[str],
    rows: Sequence[ClinicalObject],
) -> None:
    """Keep, for the sender alone, which files cannot be used, under the names they came by."""
    if not left_out:
        return
    came_as = {raw_files.name_of(row): name for row, name in zip(rows, names, strict=True)}
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
    """What was said about the files is kept by the studies now; their names by nobody."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, lease_until=None, ended_at=timezone.now(), **changes
    )
    if delivery.about:
        installed.store().delete(delivery.about)
        Delivery.objects.filter(pk=delivery.pk).update(about="")
