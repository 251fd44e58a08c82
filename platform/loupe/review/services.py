"""What people can say about a result: `give`, `give_many`, `undo`, `undo_many`.

Each statement is a new row; the result's `outcome` and `reviewed` follow it in the same
transaction, with the audit event and the line of the changes feed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require, visible
from loupe.contract.outcomes import ReviewVerb
from loupe.jobs import following
from loupe.jobs.models import Result
from loupe.plugins import registry as apps
from loupe.review.correction import checked
from loupe.review.errors import Conflict, NotAPerson, NothingToUndo, Signed, UnknownVerb
from loupe.review.ledger import UNDO, apply, check, corrections, lock, said, standing, tell
from loupe.review.models import BulkReview, Review
from loupe.review.password import confirm
from loupe.review.signature import content_sha256


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A result of a bulk call that stayed as it was, and why."""

    result_id: int
    code: str
    message: str


def verbs(app: str) -> Mapping[str, ReviewVerb]:
    """What can be said about results of `app`, by key."""
    return {verb.key: verb for verb in apps.get(app).review_verbs}


def history(actor: Actor, result: Result) -> Sequence[Review]:
    """Everything said about a result, oldest first.

    Raises:
        NotVisible, Denied: the actor may not see it.
    """
    require(actor, Action.VIEW, result.project)
    return list(Review.objects.filter(result=result).select_related("user").order_by("pk"))


def give(
    actor: Actor,
    result: Result,
    verb: str,
    *,
    note: str = "",
    correction: Mapping[str, Any] | None = None,
    password: str | None = None,
    expected_last_review_id: int | None = None,
    request: HttpRequest | None = None,
    then: Callable[[Review], object] | None = None,
) -> Review:
    """Say `verb` about `result`.

    Args:
        verb: the key of one of the app's review verbs.
        correction: what should have been found, as the app's labels.
        password: the person's own, for a verb that is a signature.
        expected_last_review_id: the newest review the person saw, 0 for none; a newer one is a
            conflict. None does not check.
        request: where the call came from, for the lockout after wrong passwords.
        then: called with the review inside its transaction; what it raises undoes the review.

    Raises:
        NotVisible, Denied, NotAPerson: the actor may not review.
        UnknownVerb: the app offers no such verb.
        CorrectionRefused: the correction is no valid labels of the app.
        PasswordRefused: a signature without the right password.
        Conflict: somebody reviewed in the meantime; the message names them.
        Signed: the result is signed.
    """
    user = _person(actor, result)
    chosen = _verb(result.app, verb)
    corrected = None if correction is None else checked(result.app, correction)
    if chosen.signature:
        confirm(user, password, request)
    with transaction.atomic():
        review = _say(user, result.pk, chosen, note, expected_last_review_id, corrected)
        following.reviewed([review.result], corrections)
        if then is not None:
            then(review)
        tell(actor, review)
    return review


def give_many(
    actor: Actor,
    results: Sequence[Result],
    verb: str,
    *,
    note: str = "",
    password: str | None = None,
    expected_last_review_ids: Mapping[int, int] | None = None,
    request: HttpRequest | None = None,
    bulk: BulkReview | None = None,
) -> tuple[list[Review], list[Refused]]:
    """Say the same about several results of one app; each stands or is refused for itself.

    `expected_last_review_ids` holds what `give` takes, by result id; `bulk` is the call about
    everything that matches a filter that these are part of.

    Raises:
        NotVisible, Denied, NotAPerson, UnknownVerb, PasswordRefused: as `give`, before anything
            is written.
    """
    if not results:
        return [], []
    user = _person(actor, *results)
    chosen = {result.app: _verb(result.app, verb) for result in results}
    if any(one.signature for one in chosen.values()):
        confirm(user, password, request)
    expected = expected_last_review_ids or {}
    given: list[Review] = []
    refused: list[Refused] = []
    with transaction.atomic():
        for result in sorted(results, key=lambda result: result.pk):
            try:
                given.append(
                    _say(
                        user,
                        result.pk,
                        chosen[result.app],
                        note,
                        expected.get(result.pk),
                        bulk=bulk,
                    )
                )
            except (Conflict, Signed) as error:
                refused.append(Refused(result_id=result.pk, code=error.code, message=error.message))
        following.reviewed([review.result for review in given], corrections)
        # Last, because from the first event on every other appending transaction waits.
        for review in given:
            tell(actor, review)
    return given, refused


def undo(
    actor: Actor,
    result: Result,
    *,
    note: str = "",
    expected_last_review_id: int | None = None,
    then: Callable[[Review], object] | None = None,
) -> Review:
    """Take the last statement back, by a new row that restores what held before it.

    `then` is called with the statement taken back, inside the transaction.

    Raises:
        NotVisible, Denied, NotAPerson: the actor may not review.
        NothingToUndo: the result stands as the machine decided.
        Conflict, Signed: as `give`.
    """
    user = _person(actor, result)
    with transaction.atomic():
        review, taken_back = _take_back(user, result.pk, note, expected_last_review_id)
        following.reviewed([review.result], corrections)
        if then is not None:
            then(taken_back)
        tell(actor, review)
    return review


def undo_many(
    actor: Actor, reviews: Sequence[Review], *, note: str = ""
) -> tuple[list[Review], list[Refused]]:
    """Take several statements back, e.g. all of one bulk call; each for itself.

    One that is no longer the newest of its result stays, because somebody spoke since.

    Raises:
        NotVisible, Denied, NotAPerson: as `give_many`, before anything is written.
    """
    if not reviews:
        return [], []
    user = _person(actor, *(review.result for review in reviews))
    taken: list[Review] = []
    refused: list[Refused] = []
    with transaction.atomic():
        for review in sorted(reviews, key=lambda review: review.result_id):
            try:
                taken.append(_take_back(user, review.result_id, note, review.pk)[0])
            except (Conflict, Signed, NothingToUndo) as error:
                refused.append(
                    Refused(result_id=review.result_id, code=error.code, message=error.message)
                )
        following.reviewed([review.result for review in taken], corrections)
        for review in taken:
            tell(actor, review)
    return taken, refused


def last_review_id(result: Result) -> int:
    """The newest statement's id, 0 for none: what a page hands back as expected."""
    return (
        Review.objects.filter(result=result).order_by("-pk").values_list("pk", flat=True).first()
        or 0
    )


def last_review_ids(results: Iterable[int], *, up_to: int | None = None) -> dict[int, int]:
    """The newest statement of each of these results that has any, in one query.

    With `up_to` only statements up to that one count.
    """
    said_then = Review.objects.filter(result__in=list(results))
    if up_to is not None:
        said_then = said_then.filter(pk__lte=up_to)
    rows = said_then.values("result")
    found = rows.annotate(last=Max("pk")).values_list("result", "last")
    return dict(found)


def _person(actor: Actor, *results: Result) -> User:
    """The reviewer, once policy has agreed for every result."""
    ids = {result.pk for result in results}
    seen = set(visible(Result.objects.filter(pk__in=ids), actor).values_list("pk", flat=True))
    if seen != ids:
        raise NotVisible(_("There is no result %(id)s that you can see.") % {"id": min(ids - seen)})
    if actor.user is None:
        raise NotAPerson(_("A review is a person's word: sign in and give it yourself."))
    for project in Project.objects.filter(pk__in={result.project_id for result in results}):
        require(actor, Action.REVIEW, project)
    return actor.user


def _verb(app: str, verb: str) -> ReviewVerb:
    offered = verbs(app)
    if verb not in offered:
        raise UnknownVerb(
            _("%(verb)r cannot be said here: choose one of %(offered)s.")
            % {"verb": verb, "offered": ", ".join(offered)}
        )
    return offered[verb]


def _take_back(
    user: User, result_id: int, note: str, expected: int | None
) -> tuple[Review, Review]:
    """The new row that takes the last statement back, and that statement."""
    locked = lock(result_id)
    reviews = said(locked)
    check(reviews, expected)
    left = standing(reviews)
    if not left:
        raise NothingToUndo(_("Nothing to undo: the machine's decision stands."))
    before = left[-2].outcome if len(left) > 1 else locked.decision.outcome
    review = Review.objects.create(
        result=locked,
        user=user,
        verb=UNDO,
        outcome=before,
        note=note,
        created_at=timezone.now(),
    )
    apply(locked, before, reviewed=len(left) > 1)
    return review, left[-1]


def _say(
    user: User,
    result_id: int,
    verb: ReviewVerb,
    note: str,
    expected: int | None,
    correction: dict[str, Any] | None = None,
    bulk: BulkReview | None = None,
) -> Review:
    result = lock(result_id)
    check(said(result), expected)
    review = Review(
        result=result,
        user=user,
        verb=verb.key,
        outcome=verb.outcome or result.decision.outcome,
        note=note,
        correction=correction,
        bulk=bulk,
        created_at=timezone.now(),
    )
    if verb.signature:
        review.signed_name = user.get_full_name() or user.get_username()
        review.content_sha256 = content_sha256(result, review)
    review.save(force_insert=True)
    apply(result, review.outcome, reviewed=True)
    return review
