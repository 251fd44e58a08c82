"""Resumable uploads: made, looked at, submitted, deleted, swept.

The bytes come in by `loupe.uploads.parts.Part`. The file on the disk is the truth about how far an
upload is; the row follows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.blobs import room
from loupe.ids import new_id
from loupe.intake.models import Submission
from loupe.intake.sources import Source
from loupe.uploads import files
from loupe.uploads.errors import (
    TooManyUploads,
    UploadBusy,
    UploadGone,
    UploadTooLong,
    UploadUnfinished,
)
from loupe.uploads.expiry import next_expiry
from loupe.uploads.models import KEPT, Upload, UploadState

HISTORY = timedelta(days=30)
"""How long the row of an upload without bytes is kept."""


def create(
    actor: Actor,
    project: Project,
    *,
    length: int,
    name: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Upload:
    """Announce a file of `length` bytes.

    Raises:
        NotVisible, Denied: the actor may not submit to the project.
        UploadTooLong: longer than LOUPE_MAX_RESUMABLE_BYTES.
        TooManyUploads: the project has LOUPE_MAX_OPEN_UPLOADS unfinished ones.
        DiskFull: it would not fit beside the uploads that are on their way.
    """
    require(actor, Action.SUBMIT, project)
    if length > settings.MAX_RESUMABLE_BYTES:
        raise UploadTooLong(
            _("%(length)s bytes are more than %(most)s (LOUPE_MAX_RESUMABLE_BYTES).")
            % {"length": f"{length:,}", "most": f"{settings.MAX_RESUMABLE_BYTES:,}"}
        )
    open_ones = Upload.objects.filter(state=UploadState.OPEN)
    if open_ones.filter(project=project).count() >= settings.MAX_OPEN_UPLOADS:
        raise TooManyUploads(
            _(
                "The project has %(count)s unfinished uploads (LOUPE_MAX_OPEN_UPLOADS): finish or "
                "delete some first."
            )
            % {"count": settings.MAX_OPEN_UPLOADS}
        )
    promised = open_ones.aggregate(rest=Sum(F("length") - F("offset")))["rest"] or 0
    room.require(files.folder(), length + promised)
    upload = Upload(
        id=new_id(),
        project=project,
        name=(name or "upload")[:500],
        length=length,
        metadata=dict(metadata or {}),
        state=UploadState.OPEN if length else UploadState.COMPLETE,
        sent_by_user=actor.user,
        sent_by_key=actor.key,
        expires_at=next_expiry(timezone.now(), settings.UPLOAD_HOURS),
    )
    files.make(upload.pk)
    upload.save(force_insert=True)
    return upload


def listing(actor: Actor, project: Project) -> "models.QuerySet[Upload]":
    """The project's uploads that have bytes here, newest first."""
    require(actor, Action.SUBMIT, project)
    return Upload.objects.filter(project=project, state__in=KEPT).order_by("-pk")


def find(actor: Actor, upload_id: UUID) -> Upload:
    """One upload.

    Raises:
        NotVisible: it does not exist for this actor.
        Denied: the actor may not submit.
    """
    rows = visible(Upload.objects.select_related("project"), actor)
    upload = rows.filter(pk=upload_id).first()
    if upload is None:
        raise NotVisible(_("There is no upload %(id)s that you can see.") % {"id": upload_id})
    require(actor, Action.SUBMIT, upload.project)
    return upload


def settled(upload: Upload) -> Upload:
    """The upload with what the disk says: `offset`, and complete if a kill kept the row from it.

    Raises:
        UploadGone: its bytes are no longer here.
    """
    if upload.state not in KEPT:
        raise files.gone(upload.pk)
    upload.offset = files.size(upload.pk, upload.unverified_from)
    if upload.state == UploadState.OPEN and upload.offset == upload.length:
        done = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).update(
            state=UploadState.COMPLETE, offset=upload.length, unverified_from=None
        )
        if done:
            upload.state = UploadState.COMPLETE
        else:
            upload.refresh_from_db()
    return upload


@contextmanager
def using(actor: Actor, project: Project, upload_ids: Iterable[UUID]) -> Iterator[list[Source]]:
    """The files of complete uploads as sources of a submission, locked until the block ends.

    Say `submitted` in the transaction that starts the job. Until then they stay as they are, so
    that a submission that is refused, or killed, can be made again from them.

    Raises:
        NotVisible, Denied: the actor may not use one of them; they are the project's own.
        UploadUnfinished, UploadGone, UploadBusy: one cannot be used now; the message names it.
    """
    with ExitStack() as stack:
        found: list[Source] = []
        for upload_id in dict.fromkeys(upload_ids):
            upload = find(actor, upload_id)
            if upload.project_id != project.pk:
                raise NotVisible(
                    _("There is no upload %(id)s that you can see.") % {"id": upload_id}
                )
            stack.enter_context(files.locked(upload.pk))
            upload = settled(find(actor, upload_id))
            if upload.state != UploadState.COMPLETE:
                raise UploadUnfinished(
                    _(
                        "The upload %(name)r has %(there)s of %(length)s bytes: send the rest, "
                        "then submit it."
                    )
                    % {
                        "name": upload.name,
                        "there": f"{upload.offset:,}",
                        "length": f"{upload.length:,}",
                    }
                )
            found.append(Source(name=upload.name, path=files.path_of(upload.pk), held=True))
        yield found


@transaction.atomic
def submitted(upload_ids: Iterable[UUID], submission: Submission) -> None:
    """Note that the uploads became `submission`; their bytes here go when that is committed.

    Raises:
        UploadGone: one was submitted or deleted in the meantime.
    """
    for upload_id in dict.fromkeys(upload_ids):
        taken = Upload.objects.filter(pk=upload_id, state=UploadState.COMPLETE).update(
            state=UploadState.SUBMITTED, submission=submission
        )
        if not taken:
            raise files.gone(upload_id)
        transaction.on_commit(partial(files.remove, upload_id))


def handed_over(upload_ids: Iterable[UUID]) -> None:
    """Forget uploads whose app keeps their files itself: bytes, names and what was said of them."""
    for upload_id in dict.fromkeys(upload_ids):
        Upload.objects.filter(pk=upload_id).delete()
        files.remove(upload_id)


def delete(actor: Actor, upload: Upload) -> None:
    """Throw an upload away, finished or not.

    Raises:
        NotVisible, Denied: the actor may not submit here.
        UploadGone: its bytes are no longer here.
        UploadBusy: a request is using it.
    """
    require(actor, Action.SUBMIT, upload.project)
    if upload.state not in KEPT:
        raise files.gone(upload.pk)
    with files.locked(upload.pk):
        Upload.objects.filter(pk=upload.pk, state__in=KEPT).update(
            state=UploadState.DELETED, unverified_from=None
        )
        files.remove(upload.pk)
    upload.state = UploadState.DELETED


def sweep() -> int:
    """Remove what has expired and files without a row; returns how many uploads expired."""
    now = timezone.now()
    count = 0
    due = Upload.objects.filter(state__in=KEPT, expires_at__lte=now)
    for upload in due.order_by("expires_at")[:1000]:
        try:
            with files.locked(upload.pk):
                # The lock holder may have moved the date while this waited for its turn.
                count += due.filter(pk=upload.pk).update(state=UploadState.EXPIRED)
        except (UploadBusy, UploadGone):
            if not files.path_of(upload.pk).exists():
                count += due.filter(pk=upload.pk).update(state=UploadState.EXPIRED)
    _remove_strays()
    Upload.objects.exclude(state__in=KEPT).filter(expires_at__lt=now - HISTORY).delete()
    return count


def _remove_strays() -> None:
    """Files whose upload is gone, e.g. because a kill came before they were removed."""
    kept = set(Upload.objects.filter(state__in=KEPT).values_list("pk", flat=True))
    born_before = timezone.now().timestamp() - 3600
    for path in files.folder().iterdir():
        upload_id = _id_of(path.name)
        if upload_id is None or upload_id in kept:
            continue
        row = Upload.objects.filter(pk=upload_id).first()
        try:
            # A file without any row may be about to get one.
            stray = path.stat().st_mtime < born_before if row is None else row.state not in KEPT
        except FileNotFoundError:
            continue
        if stray:
            path.unlink(missing_ok=True)


def _id_of(name: str) -> UUID | None:
    try:
        return UUID(hex=name)
    except ValueError:
        return None
