"""What a worker does with an open bulk call: some results, then the next, until none is left.

Every step is one transaction that also moves the call on. A worker that dies loses its step and
nothing else; one that gets a message twice finds the call further on.
"""

import time
import uuid
from collections import Counter
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.policy import Actor
from loupe.contract.runtime.errors import LoupeError
from loupe.jobs import results
from loupe.jobs.filters import Filters
from loupe.review import services, wakeups
from loupe.review.bulk import lock, tell
from loupe.review.errors import NotAPerson
from loupe.review.models import BULK_OPEN, BulkReview, BulkState, Review

STEP = 25
"""Results in one transaction: some 0.1 s in which SQLite takes no other writer."""
TURN_OF_OTHERS_S = 0.03
"""Between two steps on SQLite, whose waiting writers look every 0.1 s and have no queue: in a gap
of a millisecond or two "cancel" seldom found its turn, and the call ran to its end meanwhile."""
UNMOVED_S = 10
"""A call no worker has moved for so long is woken again."""


def work(call_id: uuid.UUID, seconds: float) -> bool:
    """Go on with a call for a while; returns whether something is left."""
    until = time.monotonic() + seconds
    while _stepped(call_id):
        if time.monotonic() > until:
            return True
        if connection.vendor == "sqlite":
            time.sleep(TURN_OF_OTHERS_S)
    return False


def recover() -> int:
    """Wake workers for calls that nobody moves; returns how many."""
    late = timezone.now() - timedelta(seconds=UNMOVED_S)
    waiting = BulkReview.objects.filter(state__in=BULK_OPEN, moved_at__lt=late)
    return sum(wakeups.send(pk) for pk in waiting.values_list("pk", flat=True)[:20])


def _stepped(call_id: uuid.UUID) -> bool:
    """One step; returns whether another one is due."""
    call = BulkReview.objects.filter(pk=call_id, state__in=BULK_OPEN).first()
    if call is None:
        return False
    try:
        with transaction.atomic():
            call = lock(call)
            if not call.open:
                return False
            return _said(call, STEP) if call.state == BulkState.RUNNING else _taken_back(call)
    except LoupeError as error:
        with transaction.atomic():
            call = lock(call)
            if call.state == BulkState.RUNNING:
                # The person lost the role, or an app cannot take one of the results: one by one it
                # shows which, and the others go on.
                return _alone(call)
            return call.open and _stopped(call, error)


def _said(call: BulkReview, limit: int) -> bool:
    actor = Actor(user=call.user)
    filters = Filters.from_json(call.filters)
    rows = results.rows_below(call.project, call.app, filters, call.below, limit)
    if not rows:
        return _ended(call, BulkState.DONE, "review.bulk_ended")
    ids = [row.pk for row in rows]
    seen = services.last_review_ids(ids, up_to=call.seen_review)
    given, refused = services.give_many(
        actor,
        rows,
        call.verb,
        note=call.note,
        expected_last_review_ids={pk: seen.get(pk, 0) for pk in ids},
        bulk=call,
    )
    call.below = min(ids)
    call.given += len(given)
    call.refused = dict(Counter(call.refused) + Counter(one.code for one in refused))
    _moved(call)
    return True


def _alone(call: BulkReview) -> bool:
    """The next result by itself; one that its app refuses is counted and passed over.

    A person who may not review any more stops the call.
    """
    try:
        with transaction.atomic():
            return _said(call, 1)
    except LoupeError as error:
        call.refresh_from_db()
        filters = Filters.from_json(call.filters)
        rows = results.rows_below(call.project, call.app, filters, call.below, 1)
        if not rows or isinstance(error, Denied | NotVisible | NotAPerson):
            return _stopped(call, error)
        call.below = rows[0].pk
        call.refused = dict(Counter(call.refused) + Counter([error.code]))
        _moved(call)
        return True


def _taken_back(call: BulkReview) -> bool:
    reviews = Review.objects.filter(bulk=call).order_by("-pk")
    if call.undo_below is not None:
        reviews = reviews.filter(pk__lt=call.undo_below)
    some = list(reviews.select_related("result__project")[:STEP])
    if not some:
        return _ended(call, BulkState.UNDONE, "review.bulk_undone")
    taken, kept = services.undo_many(Actor(user=call.user), some)
    call.undo_below = some[-1].pk
    call.taken_back += len(taken)
    call.kept += len(kept)
    _moved(call)
    return True


def _moved(call: BulkReview) -> None:
    call.moved_at = timezone.now()
    call.save()


def _stopped(call: BulkReview, error: LoupeError) -> bool:
    call.error_code, call.error = error.code, error.message
    return _ended(call, BulkState.STOPPED, "review.bulk_stopped")


def _ended(call: BulkReview, state: BulkState, action: str) -> bool:
    call.state, call.ended_at = state, timezone.now()
    _moved(call)
    tell(Actor(user=call.user), call, action)
    return False
