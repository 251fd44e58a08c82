"""The rows behind a result's reviews: what was said, what still stands, who came first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from loupe.accounts.policy import Actor
from loupe.audit import services as audit
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.jobs.models import Result
from loupe.review.errors import Conflict, Signed
from loupe.review.models import Review

UNDO = "undo"


def lock(result_id: int) -> Result:
    """The result as it is now; nobody else reviews it until the transaction ends."""
    Result.objects.select_for_update().filter(pk=result_id).values_list("pk").get()
    return Result.objects.select_related(
        "decision", "project", "provenance__operating_point", "item__input", "job__submission"
    ).get(pk=result_id)


def said(result: Result) -> list[Review]:
    """Every statement, oldest first."""
    return list(Review.objects.filter(result=result).select_related("user").order_by("pk"))


def check(reviews: list[Review], expected: int | None) -> None:
    """Refuse what comes too late.

    Raises:
        Signed: one of the statements is a signature.
        Conflict: the newest statement is not the `expected` one (0: none; None: any will do).
    """
    last = reviews[-1] if reviews else None
    signed = next((review for review in reviews if review.content_sha256), None)
    if signed is not None:
        raise Signed(
            _("%(name)s signed this result at %(time)s: it cannot be changed any more.")
            % {"name": signed.signed_name, "time": signed.created_at.isoformat()}
        )
    if expected is None or expected == (last.pk if last else 0):
        return
    if last is None:
        raise Conflict(_("The review you saw does not exist. Reload and decide again."))
    raise Conflict(
        _(
            "%(name)s said %(verb)r about this result at %(time)s, after you opened it. "
            "Nothing of yours was stored: look again and decide."
        )
        % {
            "name": last.user.get_full_name() or last.user.get_username(),
            "verb": last.verb,
            "time": last.created_at.isoformat(),
        }
    )


def standing(reviews: Sequence[Review]) -> list[Review]:
    """The statements that were not taken back."""
    left: list[Review] = []
    for review in reviews:
        if review.verb == UNDO:
            left.pop()
        else:
            left.append(review)
    return left


def corrections(result_ids: Sequence[int]) -> dict[int, Mapping[str, Any] | None]:
    """What the last standing statement about each result says should have been found."""
    by_result: dict[int, list[Review]] = defaultdict(list)
    for review in Review.objects.filter(result__in=result_ids).order_by("pk"):
        by_result[review.result_id].append(review)
    left = {pk: standing(reviews) for pk, reviews in by_result.items()}
    return {pk: reviews[-1].correction if reviews else None for pk, reviews in left.items()}


def apply(result: Result, outcome: str, *, reviewed: bool) -> None:
    """What the result's searchable parts show from now on."""
    result.outcome, result.reviewed = outcome, reviewed
    result.save(update_fields=["outcome", "reviewed"])


def tell(actor: Actor, review: Review) -> None:
    """The audit event and the line of the feed."""
    result = review.result
    told = {
        "review": review.pk,
        "verb": review.verb,
        "outcome": review.outcome,
        "machine": result.decision.outcome,
    }
    signed = {"signed_name": review.signed_name, "content_sha256": review.content_sha256}
    audit.record(
        actor,
        result.project,
        "review.signed" if review.content_sha256 else "review.given",
        f"result:{result.pk}",
        told | signed | {"note": review.note} if review.content_sha256 else told,
    )
    publish(result.project, Kind.RESULT_REVIEWED, result.pk, told | {"app": result.app})
