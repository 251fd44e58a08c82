"""Which version decides: candidate → production → retired, each step with who and why.

A version reaches production through `loupe.training.promotion`, which asks the app's gate first;
what is here writes it down and holds the rules that need no evaluation.
"""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.contract.runtime.panel import GateRow
from loupe.contract.text import Text
from loupe.plugins.language import spoken
from loupe.registry.errors import ConsentRefused, GateClosed, ModelConflict, StageRefused
from loupe.registry.models import Model, ModelVersion, PromotionRequest, Stage

UNSEEN = object()


def promote(
    actor: Actor,
    version: ModelVersion,
    reason: str,
    replacing: object = UNSEEN,
    *,
    gate: Sequence[GateRow] = (),
    asked: PromotionRequest | None = None,
    comment: str = "",
) -> ModelVersion:
    """Put a candidate into production; the version there before is retired.

    Args:
        reason: why, for the audit log.
        replacing: the number of the version in production that the person saw, None for none.
            Left out: the one there as the call begins.
        gate: the conditions as they are now; all have to hold.
        asked: the waiting request that `actor` consents to, with `comment`.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: the version is no candidate, or the reason is missing.
        GateClosed: a condition does not hold.
        ConsentRefused: the project demands a second person, and `asked` is missing.
        ModelConflict: another promotion came first.
    """
    project = managed(actor, version.model)
    fresh = candidate(version)
    require_open(gate)
    if project.second_person and asked is None:
        raise ConsentRefused(
            _("This project demands a second person: ask for the promotion, then somebody agrees.")
        )
    before = in_production(fresh.model)
    if replacing is not UNSEEN and replacing != (before.number if before else None):
        raise _conflict(fresh.model)
    return _switch(
        actor, project, before, fresh, reason, "model.promoted", Stage.CANDIDATE,
        gate, asked, comment,
    )  # fmt: skip


def candidate(version: ModelVersion) -> ModelVersion:
    """The version as it is in the database now.

    Raises:
        StageRefused: it is no candidate.
    """
    fresh = ModelVersion.objects.select_related("model__project").get(pk=version.pk)
    if fresh.stage != Stage.CANDIDATE:
        raise StageRefused(
            _(
                "%(version)s is %(stage)s; only a candidate can be promoted. To go back to an "
                "earlier version, roll back."
            )
            % {"version": fresh, "stage": fresh.get_stage_display().lower()}
        )
    return fresh


def require_open(gate: Sequence[GateRow]) -> None:
    """Pass in silence if every condition holds.

    Raises:
        GateClosed: some do not; the message names them.
    """
    closed = [row for row in gate if not row.holds]
    if closed:
        named = "; ".join(spoken(Text(en=row.en, zh=row.zh)) for row in closed)
        raise GateClosed(
            _("The version cannot be promoted, because this does not hold: %(rows)s.")
            % {"rows": named}
        )


def roll_back(actor: Actor, model: Model, reason: str) -> ModelVersion:
    """Put the version that was in production before this one back; this one is retired.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: there is no earlier version, or the reason is missing.
        ModelConflict: another promotion came first.
    """
    project = managed(actor, model)
    now = in_production(model)
    retired = model.versions.filter(stage=Stage.RETIRED, promoted_at__isnull=False)
    if now is not None and now.promoted_at is not None:
        retired = retired.filter(promoted_at__lt=now.promoted_at)
    earlier = retired.select_related("model__project").order_by("-promoted_at", "-pk").first()
    if earlier is None:
        raise StageRefused(
            _("Model %(name)r has no earlier version to roll back to.") % {"name": model.name}
        )
    return _switch(
        actor, project, now, earlier, reason, "model.rolled_back", Stage.RETIRED, (), None, ""
    )


def retire(actor: Actor, version: ModelVersion, reason: str) -> ModelVersion:
    """Take a candidate or the production version out of use; work then uses the default.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: it is retired already, or the reason is missing.
    """
    project = managed(actor, version.model)
    require_reason(reason)
    with transaction.atomic():
        changed = (
            ModelVersion.objects.filter(pk=version.pk)
            .exclude(stage=Stage.RETIRED)
            .update(stage=Stage.RETIRED)
        )
        if not changed:
            raise StageRefused(_("%(version)s is retired already.") % {"version": version})
        facts = {"model": version.model.name, "version": version.number}
        subject = f"model_version:{version.pk}"
        record(actor, project, "model.retired", subject, {**facts, "reason": reason})
        publish(project, Kind.MODEL_RETIRED, version.pk, facts)
    version.refresh_from_db()
    return version


def in_production(model: Model) -> ModelVersion | None:
    """The model's version in production, if there is one."""
    return model.versions.filter(stage=Stage.PRODUCTION).first()


def _switch(
    actor: Actor,
    project: Project,
    old: ModelVersion | None,
    new: ModelVersion,
    reason: str,
    action: str,
    expected: Stage,
    gate: Sequence[GateRow],
    asked: PromotionRequest | None,
    comment: str,
) -> ModelVersion:
    require_reason(reason)
    try:
        with transaction.atomic():
            replace(old, new, expected)
            facts = {
                "model": new.model.name,
                "version": new.number,
                "replaced": old.number if old else None,
            }
            if asked is None:
                PromotionRequest.objects.create(
                    version=new,
                    state=PromotionRequest.State.APPROVED,
                    rolls_back=expected == Stage.RETIRED,
                    reason=reason[:500],
                    gate=[row.model_dump() for row in gate],
                    requested_by=actor.user,
                    decided_by=actor.user,
                    decided_at=timezone.now(),
                )
            else:
                waiting = PromotionRequest.objects.filter(
                    pk=asked.pk, state=PromotionRequest.State.WAITING
                )
                if not waiting.update(
                    state=PromotionRequest.State.APPROVED,
                    decided_by=actor.user,
                    decided_at=timezone.now(),
                    comment=comment[:500],
                    gate=[row.model_dump() for row in gate],
                ):
                    raise _conflict(new.model)
            subject = f"model_version:{new.pk}"
            told: dict[str, object] = {**facts, "reason": reason}
            if asked is not None:
                asker = asked.requested_by
                told["asked_by"] = asker.get_username() if asker else ""
            record(actor, project, action, subject, told)
            publish(project, Kind.MODEL_PROMOTED, new.pk, facts)
    except IntegrityError as error:
        raise _conflict(new.model) from error
    new.refresh_from_db()
    return new


def replace(old: ModelVersion | None, new: ModelVersion, expected: Stage) -> None:
    """Swap stages inside the caller's transaction; each update holds only while nothing moved.

    Raises:
        ModelConflict: something moved.
    """
    if old is not None:
        there = ModelVersion.objects.filter(pk=old.pk, stage=Stage.PRODUCTION)
        if not there.update(stage=Stage.RETIRED):
            raise _conflict(new.model)
    # A version that comes back keeps its date, so that rolling back twice goes back two versions.
    promoted_at = new.promoted_at or timezone.now()
    waiting = ModelVersion.objects.filter(pk=new.pk, stage=expected)
    if not waiting.update(stage=Stage.PRODUCTION, promoted_at=promoted_at):
        raise _conflict(new.model)


def managed(actor: Actor, model: Model) -> Project:
    """The project whose own model this is.

    Raises:
        NotVisible, Denied: the model is shared, or the actor may not manage the project's models.
    """
    if model.project is None:
        raise Denied(
            _(
                "Model %(name)r is shared: it changes with Loupe's releases. Upload a model of "
                "your own to use another."
            )
            % {"name": model.name},
            code="shared_model",
        )
    require(actor, Action.MANAGE_MODELS, model.project)
    return model.project


def require_reason(reason: str) -> None:
    """Pass in silence if something was said.

    Raises:
        StageRefused: it was not.
    """
    if not any(sign.isprintable() and not sign.isspace() for sign in reason):
        raise StageRefused(
            _("Say why in a few words; the audit log keeps it."), code="reason_missing"
        )


def _conflict(model: Model) -> ModelConflict:
    return ModelConflict(
        _(
            "Somebody else changed which version of %(name)r is in production at the same moment. "
            "Look at the model again, then decide."
        )
        % {"name": model.name}
    )
