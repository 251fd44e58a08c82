"""Calls about every result that matches a filter: `start`, `cancel`, `undo`, `latest`.

What a worker does with an open one is in `bulk_work`.
"""

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit import services as audit
from loupe.jobs import results
from loupe.jobs.filters import Filters
from loupe.review import services, wakeups
from loupe.review.errors import (
    BulkEnded,
    BulkUnderWay,
    NeedsSignature,
    NotAPerson,
    NothingMatches,
    UnknownVerb,
)
from loupe.review.models import BULK_OPEN, BULK_UNDOABLE, BulkReview, BulkState, Review

NOTE_CHARACTERS = 2000


def start(
    actor: Actor,
    project: Project,
    app: str,
    verb: str,
    filters: Filters,
    *,
    newest_id: int,
    note: str = "",
) -> BulkReview:
    """Have `verb` said about every row result that matches, up to `newest_id`.

    Results that come later are not part of it, and one that somebody reviews after this moment
    is left alone.

    Args:
        newest_id: the newest result the person was told of when choosing them all.

    Raises:
        NotVisible, Denied, NotAPerson: the actor may not review.
        UnknownVerb, NeedsSignature: the verb cannot be said about many.
        NothingMatches: there is no such result.
        BulkUnderWay: the person's last call here has not ended.
    """
    require(actor, Action.REVIEW, project)
    if actor.user is None:
        raise NotAPerson(_("A review is a person's word: sign in and give it yourself."))
    offered = services.verbs(app)
    if verb not in offered:
        raise UnknownVerb(
            _("%(verb)r cannot be said here: choose one of %(offered)s.")
            % {"verb": verb, "offered": ", ".join(offered)}
        )
    if offered[verb].signature:
        raise NeedsSignature(
            _("%(verb)r is a signature: give it about one result at a time, on its page.")
            % {"verb": verb}
        )
    matching = results.matching(actor, project, app, filters, newest_id=newest_id)
    if not matching.count:
        raise NothingMatches(_("No result matches these filters any more: nothing was said."))
    now = timezone.now()
    with transaction.atomic():
        # The lock makes two presses at one moment wait for each other.
        Project.objects.select_for_update().filter(pk=project.pk).values_list("pk").get()
        mine = BulkReview.objects.filter(project=project, app=app, user=actor.user)
        if mine.filter(state__in=BULK_OPEN).exists():
            raise BulkUnderWay(
                _("Your last call about many results is still under way: wait for it or cancel it.")
            )
        call = BulkReview.objects.create(
            project=project,
            app=app,
            user=actor.user,
            verb=verb,
            note=note[:NOTE_CHARACTERS],
            filters=filters.as_json(),
            total=matching.count,
            newest=matching.newest_id,
            seen_review=Review.objects.aggregate(last=Max("pk"))["last"] or 0,
            below=matching.newest_id + 1,
            created_at=now,
            moved_at=now,
        )
        tell(actor, call, "review.bulk_started")
        wakeups.after_commit(call.pk)
    return call


def cancel(actor: Actor, call: BulkReview) -> BulkReview:
    """Say nothing more; what was said stands until it is taken back.

    Raises:
        Denied, NotVisible: the actor may not review.
        BulkEnded: it does not run.
    """
    require(actor, Action.REVIEW, call.project)
    with transaction.atomic():
        locked = lock(call)
        if locked.state != BulkState.RUNNING:
            raise BulkEnded(_("This call does not run any more: there is nothing to cancel."))
        locked.state, locked.ended_at = BulkState.CANCELLED, timezone.now()
        locked.save(update_fields=["state", "ended_at"])
        tell(actor, locked, "review.bulk_cancelled")
    return locked


def undo(actor: Actor, call: BulkReview) -> BulkReview:
    """Take back what the call said, where nobody spoke since. The person's own calls only.

    Raises:
        Denied, NotVisible, NotAPerson: the actor may not review, or did not make the call.
        BulkEnded: it runs, or was taken back already.
    """
    require(actor, Action.REVIEW, call.project)
    if actor.user != call.user:
        raise NotAPerson(_("A call is taken back by the person who made it."))
    with transaction.atomic():
        locked = lock(call)
        if locked.state not in BULK_UNDOABLE:
            raise BulkEnded(_("This call cannot be taken back now."))
        locked.state, locked.ended_at = BulkState.UNDOING, None
        locked.moved_at = timezone.now()
        locked.save(update_fields=["state", "ended_at", "moved_at"])
        tell(actor, locked, "review.bulk_undo_started")
        wakeups.after_commit(locked.pk)
    return locked


def latest(actor: Actor, project: Project, app: str) -> BulkReview | None:
    """The person's newest call in this place."""
    if actor.user is None:
        return None
    mine = BulkReview.objects.filter(project=project, app=app, user=actor.user)
    return mine.order_by("-created_at").first()


def lock(call: BulkReview) -> BulkReview:
    """The call as it is now; nobody else moves it until the transaction ends."""
    return BulkReview.objects.select_for_update().get(pk=call.pk)


def tell(actor: Actor, call: BulkReview, action: str) -> None:
    """The audit event of one step of a call."""
    details = {
        "app": call.app,
        "verb": call.verb,
        "filters": call.filters,
        "total": call.total,
        "newest": call.newest,
        "given": call.given,
        "refused": call.refused,
        "taken_back": call.taken_back,
        "kept": call.kept,
    }
    audit.record(actor, call.project, action, f"bulk-review:{call.pk}", details)
