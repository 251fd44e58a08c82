"""A second person: one asks for a promotion, another one agrees or declines."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import Denied, NotVisible
from loupe.accounts.models import Project
from loupe.accounts.policy import Actor
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.panel import GateRow
from loupe.registry.errors import ConsentRefused, ModelConflict
from loupe.registry.models import Model, ModelVersion, PromotionRequest
from loupe.registry.services.promotion import candidate, managed, require_open, require_reason

_State = PromotionRequest.State


def ask(
    actor: Actor, version: ModelVersion, reason: str, gate: Sequence[GateRow] = ()
) -> PromotionRequest:
    """Ask that a candidate is promoted; it waits for somebody else's word.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: the version is no candidate, or the reason is missing.
        GateClosed: a condition does not hold.
        ModelConflict: somebody has asked already.
    """
    project = managed(actor, version.model)
    fresh = candidate(version)
    require_reason(reason)
    require_open(gate)
    try:
        with transaction.atomic():
            asked = PromotionRequest.objects.create(
                version=fresh,
                reason=reason[:500],
                gate=[row.model_dump() for row in gate],
                requested_by=actor.user,
            )
            _tell(actor, project, asked, "model.promotion_asked", Kind.PROMOTION_REQUESTED, reason)
    except IntegrityError as error:
        raise ModelConflict(
            _("Somebody has asked for the promotion of %(version)s already: it waits for consent.")
            % {"version": fresh}
        ) from error
    return asked


def waiting(model: Model, number: int | None = None) -> PromotionRequest:
    """The request of `model` that waits; of one version where several do.

    Raises:
        NotVisible: none does.
    """
    rows = PromotionRequest.objects.filter(version__model=model, state=_State.WAITING)
    if number is not None:
        rows = rows.filter(version__number=number)
    found = rows.select_related("version__model__project", "requested_by").order_by("-pk").first()
    if found is None:
        raise NotVisible(_("No promotion of %(name)r waits for consent.") % {"name": model.name})
    return found


def require_other_person(actor: Actor, asked: PromotionRequest) -> None:
    """Pass in silence if `actor` is a person other than the one who asked.

    Raises:
        Denied: a key asks; consent is a person's word.
        ConsentRefused: it is the same person.
    """
    if actor.user is None:
        raise Denied(_("Consent is a person's word: sign in to give it."), code="person_required")
    if asked.requested_by_id == actor.user.pk:
        raise ConsentRefused(
            _("You asked for this promotion yourself: somebody else has to agree or decline.")
        )


def decline(actor: Actor, asked: PromotionRequest, comment: str) -> PromotionRequest:
    """Refuse a waiting request; the version stays a candidate.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        ConsentRefused: the actor asked for it; withdraw it instead.
        StageRefused: the comment is missing.
        ModelConflict: somebody else has answered meanwhile.
    """
    project = managed(actor, asked.version.model)
    require_other_person(actor, asked)
    require_reason(comment)
    return _end(actor, project, asked, _State.DECLINED, comment, "model.promotion_declined")


def withdraw(actor: Actor, asked: PromotionRequest, comment: str = "") -> PromotionRequest:
    """Take a waiting request back.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        ModelConflict: somebody has answered meanwhile.
    """
    project = managed(actor, asked.version.model)
    return _end(actor, project, asked, _State.WITHDRAWN, comment, "model.promotion_withdrawn")


def _end(
    actor: Actor,
    project: Project,
    asked: PromotionRequest,
    state: PromotionRequest.State,
    comment: str,
    action: str,
) -> PromotionRequest:
    with transaction.atomic():
        rows = PromotionRequest.objects.filter(pk=asked.pk, state=_State.WAITING)
        if not rows.update(
            state=state,
            decided_by=actor.user,
            decided_at=timezone.now(),
            comment=comment[:500],
        ):
            raise ModelConflict(_("Somebody else has answered meanwhile. Look at the model again."))
        _tell(actor, project, asked, action, Kind.PROMOTION_DECLINED, comment)
    asked.refresh_from_db()
    return asked


def _tell(
    actor: Actor, project: Project, asked: PromotionRequest, action: str, kind: Kind, words: str
) -> None:
    version = asked.version
    facts = {"model": version.model.name, "version": version.number}
    record(actor, project, action, f"model_version:{version.pk}", {**facts, "reason": words})
    publish(project, kind, version.pk, facts)
