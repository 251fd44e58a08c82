"""Take in what was sent."""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.blobs import services as blobs
from loupe.bulk import insert
from loupe.intake.collecting import Collection
from loupe.intake.errors import Refusal, SubmissionRefused
from loupe.intake.models import Channel, Input, Submission
from loupe.intake.sources import Source
from loupe.plugins import registry

__all__ = ["Source", "receive"]


def receive(
    actor: Actor,
    project: Project,
    app: str,
    channel: Channel,
    sources: Iterable[Source],
    name: str = "",
    facts: Mapping[str, str] | None = None,
) -> Submission:
    """Store every usable file of `sources` (archives opened) as an input of one new submission.

    Files that cannot be used become inputs too, with `error_code` and `error` set and no blob.

    Args:
        facts: what the sender says of all of them, as `loupe.intake.facts.checked` returned it.

    Raises:
        NotVisible, Denied: the actor may not submit to the project.
        UnknownApp: no app has that slug.
        SubmissionRefused: not one file can be used; nothing is kept.
        TooManyFiles: there are more files than one submission may have; nothing is kept.
        DiskFull: there is no room; nothing is kept.
    """
    require(actor, Action.SUBMIT, project)
    with Collection(registry.get(app)) as collection:
        collection.add_all(sources)
        if not collection.taken:
            raise _nothing(tuple(collection.refused))
        blobs.place([taken.written for taken in collection.taken])
        return _write(actor, project, app, channel, name, facts or {}, collection)


@transaction.atomic
def _write(
    actor: Actor,
    project: Project,
    app: str,
    channel: Channel,
    name: str,
    facts: Mapping[str, str],
    collection: Collection,
) -> Submission:
    submission = Submission.objects.create(
        project=project,
        app=app,
        channel=channel,
        name=name[:255],
        facts=dict(facts),
        sent_by_user=actor.user,
        sent_by_key=actor.key,
    )
    kept = blobs.record(
        [(taken.written.sha256, taken.written.size, taken.media_type) for taken in collection.taken]
    )
    taken_rows = [
        Input(submission=submission, name=taken.name, kind=taken.kind, blob=blob, note=taken.note)
        for taken, blob in zip(collection.taken, kept, strict=True)
    ]
    refused_rows = [
        Input(
            submission=submission,
            name=refusal.name,
            error_code=refusal.code,
            error=refusal.message,
        )
        for refusal in collection.refused
    ]
    insert([*taken_rows, *refused_rows])
    return submission


def _nothing(reasons: tuple[Refusal, ...]) -> SubmissionRefused:
    if not reasons:
        return SubmissionRefused(
            _("Nothing was sent. Choose at least one file."), reasons=(), code="empty_submission"
        )
    if len(reasons) == 1:
        return SubmissionRefused(
            _("The file cannot be used."), reasons=reasons, code=reasons[0].code
        )
    return SubmissionRefused(
        _("None of the %(count)s files can be used.") % {"count": len(reasons)}, reasons=reasons
    )
