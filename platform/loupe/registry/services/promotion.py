"""Which version decides: candidate → production → retired, each step with who and why."""

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from loupe.accounts.errors import Denied
from loupe.accounts.models import Project
from loupe.accounts.policy import Action, Actor, require
from loupe.audit.services import record
from loupe.changes.kinds import Kind
from loupe.changes.services import publish
from loupe.registry.errors import ModelConflict, StageRefused
from loupe.registry.models import Model, ModelVersion, Stage

_UNSEEN = object()


def promote(
    actor: Actor, version: ModelVersion, reason: str, replacing: object = _UNSEEN
) -> ModelVersion:
    """Put a candidate into production; the version there before is retired.

    Args:
        reason: why, for the audit log.
        replacing: the number of the version in production that the person saw, None for none.
            Left out: the one there as the call begins.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: the version is no candidate, or the reason is missing.
        ModelConflict: another promotion came first.
    """
    project = _managed(actor, version.model)
    fresh = ModelVersion.objects.select_related("model__project").get(pk=version.pk)
    if fresh.stage != Stage.CANDIDATE:
        raise StageRefused(
            _(
                "%(version)s is %(stage)s; only a candidate can be promoted. To go back to an "
                "earlier version, roll back."
            )
            % {"version": fresh, "stage": fresh.get_stage_display().lower()}
        )
    before = in_production(fresh.model)
    if replacing is not _UNSEEN and replacing != (before.number if before else None):
        raise _conflict(fresh.model)
    return _switch(actor, project, before, fresh, reason, "model.promoted", Stage.CANDIDATE)


def roll_back(actor: Actor, model: Model, reason: str) -> ModelVersion:
    """Put the version that was in production before this one back; this one is retired.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: there is no earlier version, or the reason is missing.
        ModelConflict: another promotion came first.
    """
    project = _managed(actor, model)
    now = in_production(model)
    retired = model.versions.filter(stage=Stage.RETIRED, promoted_at__isnull=False)
    if now is not None and now.promoted_at is not None:
        retired = retired.filter(promoted_at__lt=now.promoted_at)
    earlier = retired.select_related("model__project").order_by("-promoted_at", "-pk").first()
    if earlier is None:
        raise StageRefused(
            _("Model %(name)r has no earlier version to roll back to.") % {"name": model.name}
        )
    return _switch(actor, project, now, earlier, reason, "model.rolled_back", Stage.RETIRED)


def retire(actor: Actor, version: ModelVersion, reason: str) -> ModelVersion:
    """Take a candidate or the production version out of use; work then uses the default.

    Raises:
        NotVisible, Denied: the actor may not manage the project's models.
        StageRefused: it is retired already, or the reason is missing.
    """
    project = _managed(actor, version.model)
    _require_reason(reason)
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
) -> ModelVersion:
    _require_reason(reason)
    try:
        with transaction.atomic():
            replace(old, new, expected)
            facts = {
                "model": new.model.name,
                "version": new.number,
                "replaced": old.number if old else None,
            }
            subject = f"model_version:{new.pk}"
            record(actor, project, action, subject, {**facts, "reason": reason})
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


def _managed(actor: Actor, model: Model) -> Project:
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


def _require_reason(reason: str) -> None:
    if not reason.strip():
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
