"""Publishing with four eyes: one asks, with evidence; another one agrees; going back is at once.

A model version goes the host's way into production (`loupe.host.promotions`): its gate, its
request, its second person. An operating point goes the same way here: a draft decides nothing
until somebody other than the one who asked agrees.
"""

from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.fraud.models import Backtest, PointDraft, Publication, Shadow
from apps.fraud.models.backtests import BacktestState
from apps.fraud.services import evidence
from apps.fraud.services.errors import Taken, Unusable
from loupe.host import promotions
from loupe.host.models import ModelVersion, operating_point, set_operating_point, visible_versions
from loupe.host.models import OperatingPoint as StoredPoint
from loupe.host.people import (
    Action,
    Actor,
    Denied,
    NotVisible,
    Project,
    record_audit,
    require,
    visible,
)

_State = Publication.State
_DECLARED = ("scheme", "embeddings")
"""What of a point the project declares elsewhere; going back does not bring it back."""


def ask(
    actor: Actor,
    project: Project,
    reason: str,
    *,
    version: ModelVersion | None = None,
    draft: PointDraft | None = None,
    backtest: Backtest | None = None,
    shadow: Shadow | None = None,
) -> Publication:
    """Ask that a version, a draft's operating point or both decide.

    Args:
        version: a candidate; None: only the draft's point, for the draft's version.
        backtest, shadow: the evidence; its figures are frozen with the request.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        StageRefused, GateClosed: the version is no candidate, its gate is closed, or the reason is
            missing.
        Unusable: nothing is named, or the evidence is about something else.
        Taken, ModelConflict: somebody has asked already.
    """
    require(actor, Action.MANAGE_MODELS, project)
    promotions.require_reason(reason)
    about = version or (draft.version if draft else None)
    if about is None:
        raise Unusable(_("Choose what to publish: a version, or a draft."), field="version")
    about = visible_versions(actor, project, "fraud").get(pk=about.pk)
    if draft is not None and draft.version_id != about.pk:
        raise Unusable(
            _("%(draft)s is made for %(version)s: an operating point goes with its version.")
            % {"draft": draft, "version": draft.version},
            field="draft",
        )
    for one in (backtest, shadow):
        _require_about(one, about, draft)
    told = evidence.told(backtest, shadow)
    try:
        with transaction.atomic():
            asked = None
            if version is not None:
                asked = promotions.ask(actor, about, reason, promotions.gate(about).rows)
            made = Publication.objects.create(
                project=project,
                version=about,
                draft=draft,
                promotion=asked,
                reason=reason.strip()[:500],
                backtest=backtest,
                shadow=shadow,
                evidence=told,
                requested_by=actor.user,
            )
            _audit(actor, made, "publication.asked", reason)
    except IntegrityError as error:
        raise Taken(
            _("Somebody has asked to publish this already: it waits for a second person.")
        ) from error
    return made


def approve(actor: Actor, publication: Publication, comment: str = "") -> Publication:
    """Agree to somebody else's wish: it decides from now on.

    Raises:
        NotVisible, Denied: the actor may not manage models here, or is a key.
        ConsentRefused: the actor asked for it.
        Taken: somebody has answered meanwhile.
        GateClosed, StageRefused, ModelConflict: the version cannot go into production any more.
    """
    project = publication.project
    require(actor, Action.MANAGE_MODELS, project)
    _require_other(actor, publication)
    with transaction.atomic():
        _answered(actor, publication, _State.APPROVED, comment)
        _carry_out(actor, publication, comment)
        _audit(actor, publication, "publication.approved", comment)
    publication.refresh_from_db()
    return publication


def decline(actor: Actor, publication: Publication, comment: str) -> Publication:
    """Refuse somebody else's wish; nothing changes.

    Raises:
        NotVisible, Denied, ConsentRefused, Taken: as `approve`.
        StageRefused: the comment is missing.
    """
    require(actor, Action.MANAGE_MODELS, publication.project)
    _require_other(actor, publication)
    promotions.require_reason(comment)
    with transaction.atomic():
        _answered(actor, publication, _State.DECLINED, comment)
        if publication.promotion is not None:
            promotions.decline(actor, publication.promotion, comment)
        _audit(actor, publication, "publication.declined", comment)
    publication.refresh_from_db()
    return publication


def withdraw(actor: Actor, publication: Publication, comment: str = "") -> Publication:
    """Take a wish back.

    Raises:
        NotVisible, Denied, Taken: as `approve`.
    """
    require(actor, Action.MANAGE_MODELS, publication.project)
    with transaction.atomic():
        _answered(actor, publication, _State.WITHDRAWN, comment)
        if publication.promotion is not None:
            promotions.withdraw(actor, publication.promotion, comment)
        _audit(actor, publication, "publication.withdrawn", comment)
    publication.refresh_from_db()
    return publication


def roll_back_version(actor: Actor, project: Project, reason: str) -> ModelVersion:
    """Put back the version that was in production before, at once.

    Raises:
        NotVisible, Denied: the actor may not manage models here, or the model is shared.
        StageRefused: there is none, or the reason is missing.
        ModelConflict: another promotion came first.
    """
    require(actor, Action.MANAGE_MODELS, project)
    last = (
        visible_versions(actor, project, "fraud")
        .filter(model__project=project, stage="production")
        .order_by("-promoted_at")
        .first()
    )
    if last is None:
        raise Unusable(
            _("No model of this project is in production: the one that decides ships with Loupe."),
            field="version",
        )
    with transaction.atomic():
        back = promotions.roll_back(actor, last.model, reason)
        made = Publication.objects.create(
            project=project,
            version=back,
            state=_State.APPROVED,
            rolls_back=True,
            reason=reason.strip()[:500],
            requested_by=actor.user,
            decided_by=actor.user,
            decided_at=timezone.now(),
        )
        _audit(actor, made, "publication.rolled_back", reason)
    return back


def roll_back_point(
    actor: Actor, project: Project, version: ModelVersion, reason: str
) -> StoredPoint:
    """Let the point before decide again, at once, as a new number with the old content.

    Raises:
        NotVisible, Denied: the actor may not manage models here.
        Unusable: there is no earlier point, or the reason is missing.
    """
    require(actor, Action.MANAGE_MODELS, project)
    promotions.require_reason(reason)
    before = point_before(version, project)
    if before is None:
        raise Unusable(_("There is no earlier operating point to go back to."), field="version")
    with transaction.atomic():
        note = _("Back to %(point)s: %(reason)s") % {"point": before, "reason": reason}
        point = set_operating_point(
            actor, project, version, before.data, note, certificate=before.certificate, agreed=True
        )
        made = Publication.objects.create(
            project=project,
            version=version,
            state=_State.APPROVED,
            rolls_back=True,
            reason=reason.strip()[:500],
            made=point,
            restored=before,
            requested_by=actor.user,
            decided_by=actor.user,
            decided_at=timezone.now(),
        )
        _audit(actor, made, "publication.rolled_back", reason)
    return point


def version_before(actor: Actor, project: Project) -> ModelVersion | None:
    """The version that would be in production again; None: there is none to go back to."""
    rows = visible_versions(actor, project, "fraud").filter(model__project=project)
    now = rows.filter(stage="production").order_by("-promoted_at").first()
    if now is None:
        return None
    retired = rows.filter(model=now.model, stage="retired", promoted_at__lt=now.promoted_at)
    return retired.order_by("-promoted_at", "-pk").first()


def point_before(version: ModelVersion, project: Project) -> StoredPoint | None:
    """What would decide again; going back twice goes back two points."""
    now = operating_point(version, project)
    restored = Publication.objects.filter(made=now, rolls_back=True).select_related("restored")
    came = restored.first()
    standing = came.restored if came is not None and came.restored is not None else now
    if standing.project_id is None:
        return None
    # What a roll back wrote is a copy: the original stands further back already.
    copies = Publication.objects.filter(rolls_back=True, made__isnull=False).values("made")
    mine = StoredPoint.objects.filter(model_version=version, scope="").exclude(pk__in=copies)
    own = mine.filter(project=project, number__lt=standing.number).order_by("-number")
    first = mine.filter(project=None).order_by("-number")[:1]
    # A point that only followed what the project declares decided by the same thresholds and rules.
    return next((one for one in [*own, *first] if _decides(one) != _decides(standing)), None)


def _decides(point: StoredPoint) -> dict[str, Any]:
    """What of a point somebody chose."""
    return {name: value for name, value in point.data.items() if name not in _DECLARED}


def listing(actor: Actor, project: Project) -> "models.QuerySet[Publication]":
    """Every wish and what became of it, newest first; what was answered on the model's own page
    is taken over first.

    Raises:
        NotVisible, Denied: the actor may not look.
    """
    require(actor, Action.VIEW, project)
    return _of(project)


def _of(project: Project) -> "models.QuerySet[Publication]":
    rows = Publication.objects.filter(project=project).select_related(
        "project",
        "version__model__project",
        "draft",
        "promotion__decided_by",
        "backtest",
        "shadow",
        "made",
        "restored",
        "requested_by",
        "decided_by",
    )
    elsewhere = rows.filter(state=_State.WAITING, promotion__isnull=False)
    for one in elsewhere.exclude(promotion__state=_State.WAITING):
        _take_over(one)
    return rows.order_by("-pk")


def find(actor: Actor, project: Project, publication_id: int) -> Publication:
    """One wish.

    Raises:
        NotVisible: there is none that the actor can see.
    """
    found = visible(_of(project), actor).filter(pk=publication_id).first()
    if found is None:
        raise NotVisible(_("There is no such request that you can see."))
    return found


def _require_about(
    one: Backtest | Shadow | None, version: ModelVersion, draft: PointDraft | None
) -> None:
    if one is None:
        return
    if one.version_id != version.pk or one.draft_id != (draft.pk if draft else None):
        raise Unusable(
            _("That evidence is about %(version)s, not about what is to be published.")
            % {"version": one.version if one.draft is None else one.draft},
            field="backtest" if isinstance(one, Backtest) else "shadow",
        )
    if isinstance(one, Backtest) and one.state != BacktestState.DONE:
        raise Unusable(_("That backtest has no result yet."), field="backtest")


def _require_other(actor: Actor, publication: Publication) -> None:
    if publication.promotion is not None:
        promotions.require_other_person(actor, publication.promotion)
        return
    if actor.user is None:
        raise Denied(_("Consent is a person's word: sign in to give it."), code="person_required")
    if publication.requested_by_id == actor.user.pk:
        raise promotions.ConsentRefused(
            _("You asked for this yourself: somebody else has to agree or decline.")
        )


def _answered(actor: Actor, publication: Publication, state: str, comment: str) -> None:
    rows = Publication.objects.filter(pk=publication.pk, state=_State.WAITING)
    if not rows.update(
        state=state, decided_by=actor.user, decided_at=timezone.now(), comment=comment[:500]
    ):
        raise Taken(_("Somebody else has answered meanwhile. Look at the request again."))


def _carry_out(actor: Actor, publication: Publication, comment: str) -> None:
    """The point first, so that the version never decides by another one."""
    if publication.draft is not None:
        _set_point(actor, publication)
    if publication.promotion is not None and publication.promotion.state == _State.WAITING:
        promotions.approve(actor, publication.promotion, comment)


def _set_point(actor: Actor, publication: Publication) -> None:
    draft = publication.draft
    if draft is None:
        return
    publication.made = set_operating_point(
        actor,
        publication.project,
        publication.version,
        draft.data,
        publication.reason,
        certificate=draft.certificate,
        agreed=True,
    )
    publication.save(update_fields=["made"])


def _take_over(publication: Publication) -> None:
    """A version's wish that was answered on the model's page."""
    said = publication.promotion
    if said is None:
        return
    with transaction.atomic():
        rows = Publication.objects.filter(pk=publication.pk, state=_State.WAITING)
        changed = rows.update(
            state=said.state,
            decided_by=said.decided_by,
            decided_at=said.decided_at,
            comment=said.comment,
        )
        if changed and said.state == _State.APPROVED and publication.draft is not None:
            _set_point(Actor(user=said.decided_by), publication)


def _audit(actor: Actor, publication: Publication, action: str, words: str) -> None:
    told: dict[str, Any] = {
        "version": str(publication.version),
        "draft": publication.draft.number if publication.draft else None,
        "point": publication.made.number if publication.made else None,
        "backtest": str(publication.backtest_id) if publication.backtest_id else None,
        "shadow": publication.shadow_id,
        "reason": words,
    }
    record_audit(actor, publication.project, action, f"publication:{publication.pk}", told)
